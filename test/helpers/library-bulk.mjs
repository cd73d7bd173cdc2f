// Run by library.test.ts under each runtime, in a project that has the packed library: what a short example does not show.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createControlPlane } from "tunnel/control-plane";
import { serveLocal } from "tunnel/emulator";
import { openProxy } from "tunnel/proxy";

const BYTES = 16 * 1024 * 1024;

async function withPair(options, work) {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  const service = await serveLocal({ mqtt: false, ...options });
  const { dataPlane } = service;
  const tunnel = await service.openTunnel({ services: ["ECHO"] });
  const device = await openProxy({
    mode: "destination",
    dataPlane,
    accessToken: tunnel.destinationAccessToken,
    services: { ECHO: echo.address().port },
  });
  const operator = await openProxy({
    mode: "source",
    dataPlane,
    accessToken: tunnel.sourceAccessToken,
    services: { ECHO: 0 },
  });
  try {
    await work(operator);
  } finally {
    for (const each of [operator, device, service]) await each.close();
    echo.close();
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

await withPair({}, async (operator) => {
  const sent = randomBytes(BYTES);
  const { bytes, digest } = await exchange(operator.port(), sent);
  const isSame = digest === createHash("sha256").update(sent).digest("hex");
  console.log(`bulk: ${sent.length} bytes there, ${bytes} back, ${isSame ? "the same" : "not the same"}`);
});

// Of the lots that this seed draws the second one loses: the operator's first link. The next ones stay.
await withPair(
  { faults: [{ kind: "close", value: 1011, afterMs: 300, rate: 0.5, seed: 1 }] },
  async (operator) => {
    const names = [];
    operator.on("disconnected", ({ event }) => names.push(event));
    operator.on("connected", ({ event }) => names.push(event));
    await once(operator, "connected");
    let answer;
    while (answer?.bytes !== 5)
      answer = await exchange(operator.port(), Buffer.from("again")).catch(() => undefined);
    console.log(`lost: ${names.slice(0, 2).join(", ")}, carries again`);
  },
);

const stateDirectory = mkdtempSync(join(tmpdir(), "tunnel-kept-"));
try {
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
  rmSync(stateDirectory, { recursive: true });
}
