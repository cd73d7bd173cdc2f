// Run by library.test.ts under each runtime, in a project that has the packed library: what a short example does not show.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createControlPlane } from "tunnel/control-plane";
import { serveLocal } from "tunnel/emulator";
import { openProxy } from "tunnel/proxy";

const BYTES = 16 * 1024 * 1024;
/** Of the lots that this seed draws the second one loses: the operator's first link. The next ones stay. */
const LOST_ONCE = { faults: [{ kind: "close", value: 1011, afterMs: 300, rate: 0.5, seed: 1 }] };

const directory = mkdtempSync(join(tmpdir(), "tunnel-bulk-"));
/** The device's service, on a Unix socket. */
const echoPath = join(directory, "echo");
const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(echoPath);
await once(echo, "listening");

async function withPair(options, carrying, work) {
  const service = await serveLocal({ mqtt: false, ...options });
  const { sourceAccessToken, destinationAccessToken } = await service.openTunnel({ services: ["ECHO"] });
  const open = (mode, accessToken, address) =>
    openProxy({ mode, accessToken, dataPlane: service.dataPlane, services: { ECHO: address }, ...carrying });
  const device = await open("destination", destinationAccessToken, echoPath);
  const operator = await open("source", sourceAccessToken, 0);
  try {
    await work(operator);
  } finally {
    for (const each of [operator, device, service]) await each.close();
  }
}

/** Sends bytes, half-closes, and gives what came back; both ways are busy at once. */
async function exchange(port, sent) {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const hash = createHash("sha256");
  let bytes = 0;
  socket.on("data", (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  socket.end(sent);
  await once(socket, "close");
  return { bytes, digest: hash.digest("hex") };
}

await withPair({}, {}, async (operator) => {
  const sent = randomBytes(BYTES);
  const { bytes, digest } = await exchange(operator.port(), sent);
  const isSame = digest === createHash("sha256").update(sent).digest("hex");
  console.log(`bulk: ${sent.length} bytes there, ${bytes} back, ${isSame ? "the same" : "not the same"}`);
});

await withPair(LOST_ONCE, {}, async (operator) => {
  const names = [];
  operator.on("disconnected", ({ event }) => names.push(event));
  operator.on("connected", ({ event }) => names.push(event));
  await once(operator, "connected");
  let answer;
  while (answer?.bytes !== 5) {
    answer = await exchange(operator.port(), Buffer.from("again")).catch(() => undefined);
  }
  console.log(`lost: ${names.slice(0, 2).join(", ")}, carries again`);
});

// The same, where both sides say that connections outlive it.
await withPair(LOST_ONCE, { resumeTimeoutMs: 20_000 }, async (operator) => {
  const names = [];
  operator.on("event", ({ event }) => event.startsWith("connections-") && names.push(event));
  const socket = connect({ port: operator.port(), host: "127.0.0.1", allowHalfOpen: true });
  socket.write("one ");
  await once(operator, "connections-resumed");
  socket.end("two");
  console.log(`held: ${names.join(", ")}, ${await text(socket)}`);
});

try {
  const stateDirectory = join(directory, "state");
  const before = await serveLocal({ stateDirectory });
  const { tunnelId } = await before.openTunnel();
  await before.close();
  const after = await serveLocal({ stateDirectory });
  const control = createControlPlane(after.controlPlane);
  console.log(`kept: ${(await control.describeTunnel(tunnelId)).status}`);
  control.close();
  await after.close();
} catch (error) {
  console.log(`kept: ${error.code} ${error.message}`);
} finally {
  echo.close();
  rmSync(directory, { recursive: true });
}
