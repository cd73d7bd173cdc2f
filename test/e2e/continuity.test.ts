// Connections between two proxies of ours that outlive the service: it is killed in the middle of transfers both ways, and
// another one takes its place. Every byte arrives once.
import { expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { ReplacedError } from "../../src/base/errors.ts";
import { AccessToken } from "../../src/base/secret.ts";
import { ProcessSession } from "../../src/proxy/process-session.ts";
import { dialLocal, failureOf, startEmulator, startProxy } from "../helpers/proxies.ts";
import { lastingServeLocal } from "../helpers/serve-local.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { runTunnel } from "../helpers/tunnel.ts";
import { within } from "../helpers/wait.ts";

const MIB = 1024 * 1024;
const RESUME_TIMEOUT_MS = 60_000;
/** Long enough for several attempts to reconnect and to resume, on a busy machine. */
const COMEBACK_MS = 60_000;

/** Two proxies for one service, through a serve-local that can be killed and started again at the same place. */
async function joinBoth(
  onConnection: (socket: Socket) => void,
  resumeTimeoutMs = RESUME_TIMEOUT_MS,
  servicePort: number | undefined = undefined,
) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await lastingServeLocal());
  const service = stack.use(await startTcpServer(onConnection));
  const { stdout } = await runTunnel(["open", "--service", "APP", "--json", ...server.local]);
  const tokens = JSON.parse(stdout);
  const { dataPlane, ca } = server.endpoint;
  const { hostname, port } = new URL(`wss://${dataPlane}`);
  const at = { host: hostname, port: Number(port), ca: readFileSync(ca, "utf8") };
  const start = (mode: "source" | "destination", map: string) =>
    stack.use(
      startProxy(at, mode, new AccessToken(tokens[`${mode}AccessToken`]), map, {
        continuity: new ProcessSession(resumeTimeoutMs),
      }),
    );
  const destination = start("destination", `APP=127.0.0.1:${servicePort ?? service.port}`);
  await destination.waitFor("connected");
  const source = start("source", "APP=0");
  await source.waitFor("connected");
  return {
    source,
    destination,
    dial: async () => dialLocal(await source.portOf("APP")),
    kill: server.kill,
    restart: server.restart,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Everything that comes, and a promise of so many bytes of it. */
function collect(socket: Socket) {
  const chunks: Buffer[] = [];
  let length = 0;
  let wake = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    wake.resolve();
  });
  return {
    get bytes() {
      return Buffer.concat(chunks);
    },
    async upTo(count: number): Promise<void> {
      while (length < count) {
        await within(`byte ${count}, after ${length}`, wake.promise, COMEBACK_MS);
        wake = Promise.withResolvers();
      }
    },
  };
}

test("a service that is killed and started again takes no byte of a transfer with it, nor the end of file", async () => {
  const upload = randomBytes(24 * MIB);
  const download = randomBytes(24 * MIB);
  const received = Promise.withResolvers<Buffer>();
  await using ends = await joinBoth((socket) => {
    const incoming = collect(socket);
    socket.write(download);
    socket.on("end", () => {
      received.resolve(incoming.bytes);
      socket.end("that was all");
    });
  });
  const client = await ends.dial();
  const failures: Error[] = [];
  client.on("error", (error) => failures.push(error));
  const incoming = collect(client);
  client.end(upload);
  await incoming.upTo(2 * MIB);
  await ends.kill();
  await ends.source.waitFor("connections-held");
  await ends.restart();
  await ends.source.waitFor("connections-resumed", undefined, COMEBACK_MS);
  expect(sha256(await within("the upload", received.promise, COMEBACK_MS))).toBe(sha256(upload));
  await incoming.upTo(download.length + "that was all".length);
  expect(sha256(incoming.bytes.subarray(0, download.length))).toBe(sha256(download));
  expect(incoming.bytes.subarray(download.length).toString()).toBe("that was all");
  if (!client.closed) await within("the end", once(client, "close"));
  expect(failures).toEqual([]);
}, 120_000);

test("an idle shell goes on after the service was away", async () => {
  await using ends = await joinBoth((socket) => socket.pipe(socket));
  const client = await ends.dial();
  const incoming = collect(client);
  client.write("before");
  await incoming.upTo(6);
  await ends.kill();
  await ends.source.waitFor("connections-held");
  client.write(" meanwhile");
  await ends.restart();
  await incoming.upTo(16);
  client.write(" after");
  await incoming.upTo(22);
  expect(incoming.bytes.toString()).toBe("before meanwhile after");
  expect(ends.source.events.filter(({ event }) => event === "connection-closed")).toEqual([]);
  client.destroy();
}, 120_000);

test("what nobody comes back for ends with RST", async () => {
  await using ends = await joinBoth((socket) => socket.pipe(socket), 1_000);
  const client = await ends.dial();
  const incoming = collect(client);
  client.write("hello");
  await incoming.upTo(5);
  const failed = once(client, "error");
  await ends.kill();
  const [error] = await within("a reset", failed);
  expect(error.code).toBe("ECONNRESET");
}, 60_000);

test("the source hears why the destination could not connect", async () => {
  const port = await freePort();
  await using ends = await joinBoth(() => {}, RESUME_TIMEOUT_MS, port);
  // The first one may be over before both ends have said HELLO.
  for (const attempt of [1, 2]) {
    const client = await ends.dial();
    client.on("error", () => {}).resume();
    await ends.source.waitFor("connection-closed", ({ connectionId }) => connectionId === attempt);
    client.destroy();
  }
  const { reason } = await ends.source.waitFor("connection-closed", ({ connectionId }) => connectionId === 2);
  expect(reason).toBe(`closed by the destination: connection refused by 127.0.0.1:${port} on the device`);
}, 60_000);

test("a rotation of the device's token moves its connections to another WebSocket of its process", async () => {
  await using stack = new AsyncDisposableStack();
  const emulator = stack.use(await startEmulator());
  const service = stack.use(await startTcpServer((socket) => socket.pipe(socket)));
  const { tunnelId, tokens } = emulator.open(["APP"]);
  const device = new ProcessSession(RESUME_TIMEOUT_MS, { isShared: true });
  stack.defer(() => device.close());
  const start = (token: AccessToken) =>
    stack.use(
      startProxy(emulator, "destination", token, `APP=127.0.0.1:${service.port}`, { continuity: device }),
    );
  const before = start(tokens.destination);
  await before.waitFor("connected");
  const source = stack.use(
    startProxy(emulator, "source", tokens.source, "APP=0", {
      continuity: new ProcessSession(RESUME_TIMEOUT_MS),
    }),
  );
  const client = await dialLocal(await source.portOf("APP"));
  const incoming = collect(client);
  client.write("before");
  await incoming.upTo(6);
  const rotated = emulator.running.tunnels.rotate({ tunnelId, modes: ["destination"] });
  expect(await failureOf(before.ended)).toBeInstanceOf(ReplacedError);
  await source.waitFor("connections-held");
  client.write(" meanwhile");
  const after = start(rotated.tokens.destination as AccessToken);
  await after.waitFor("connections-resumed");
  await incoming.upTo(16);
  expect(incoming.bytes.toString()).toBe("before meanwhile");
  client.destroy();
}, 60_000);
