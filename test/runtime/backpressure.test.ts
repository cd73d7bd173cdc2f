// Runs under Bun and Deno: the two differ in what a paused TLS socket does.
import { expect, test } from "bun:test";
import { once } from "node:events";
import type { AccessToken } from "../../src/base/secret.ts";
import { dialTunnel, type TunnelSocket } from "../../src/net/tunnel-socket.ts";
import { encodeFrame, MessageType, makeMessage } from "../../src/protocol/message.ts";
import type { Side } from "../../src/proxy/options.ts";
import { startPair } from "../helpers/pair.ts";
import { dialLocal, startEmulator, type TestEmulator } from "../helpers/proxies.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { waitFor } from "../helpers/wait.ts";
import { Wire } from "../helpers/wire.ts";

/** More than all buffers on the way can hold, kernel's included. */
const OFFERED_BYTES = 256 * 1024 * 1024;
/** What may be on the way when the reader stands still; the rest is the writer's to keep. */
const MOST_ON_THE_WAY = 96 * 1024 * 1024;

test("a reader that stops reading holds the writer back, and gets everything when it goes on", async () => {
  const accepted = Promise.withResolvers<import("node:net").Socket>();
  await using reader = await startTcpServer((socket) => {
    socket.pause();
    accepted.resolve(socket);
  });
  await using pair = await startPair(`SINK=127.0.0.1:${reader.port}`);
  const writer = await dialLocal(await pair.source.portOf("SINK"));
  let written = 0;
  const chunk = Buffer.alloc(1024 * 1024, 1);
  const write = () => {
    while (written < OFFERED_BYTES) {
      written += chunk.length;
      if (!writer.write(chunk)) return;
    }
    writer.off("drain", write);
  };
  writer.on("drain", write);
  write();
  await standstill(() => written);
  expect(written).toBeLessThan(MOST_ON_THE_WAY);

  const socket = await accepted.promise;
  let received = 0;
  socket.on("data", (bytes) => {
    received += bytes.length;
  });
  socket.resume();
  await waitFor("all bytes", () => received === OFFERED_BYTES, 60_000);
  writer.destroy();
}, 90_000);

test("a writer that is not read from holds back nobody else", async () => {
  await using flood = await startTcpServer((socket) => {
    const chunk = Buffer.alloc(256 * 1024, 2);
    const write = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", write);
    write();
  });
  await using echo = await startTcpServer();
  await using pair = await startPair(`FLOOD=127.0.0.1:${flood.port},ECHO=127.0.0.1:${echo.port}`, {
    source: { stallTimeoutMs: 300 },
  });
  const stalled = await dialLocal(await pair.source.portOf("FLOOD"));
  stalled.on("error", () => {}); // it is reset, which is the point
  stalled.pause();
  const neighbour = await dialLocal(await pair.source.portOf("ECHO"));
  neighbour.write("first");
  await once(neighbour, "data");
  const closed = await pair.source.waitFor("connection-closed", (event) => event.service === "FLOOD", 30_000);
  expect(closed.reason).toContain("too slowly");
  neighbour.write("second");
  const [answer] = await once(neighbour, "data");
  expect(String(answer)).toBe("second");
  stalled.destroy();
  neighbour.destroy();
}, 60_000);

/** Waits until a number has not changed for half a second. */
async function standstill(value: () => number): Promise<void> {
  let last = value();
  let since = Date.now();
  await waitFor(
    "a standstill",
    () => {
      if (value() !== last) {
        last = value();
        since = Date.now();
      }
      return Date.now() - since > 500;
    },
    30_000,
  );
}

test("the relay holds back a source of any make while the other side takes nothing", async () => {
  await using emulator = await startEmulator();
  await using wire = await Wire.to(emulator.port);
  const { tokens } = emulator.open(["SINK"]);
  const destination = await dialRaw({ ...emulator, port: wire.port }, "destination", tokens.destination);
  const source = await dialRaw(emulator, "source", tokens.source);
  wire.freeze();
  const start = { type: MessageType.StreamStart, streamId: 1, serviceId: "SINK", connectionId: 1 };
  source.send(encodeFrame(makeMessage(start)));
  const data = encodeFrame(
    makeMessage({ ...start, type: MessageType.Data, payload: new Uint8Array(60_000) }),
  );
  let sent = 0;
  const send = () => {
    while (sent < OFFERED_BYTES && source.bufferedBytes < 1024 * 1024) {
      source.send(data);
      sent += data.length;
    }
  };
  source.handle({ ...DEAF, onSent: send });
  send();
  await standstill(() => sent);
  expect(sent).toBeLessThan(MOST_ON_THE_WAY);
  source.terminate();
  destination.terminate();
}, 90_000);

/** Each is answered with as many bytes: together more than all buffers on the way can hold. */
const MOST_STARTS = 4_000_000;

const DEAF = { onBytes() {}, onPong() {}, onPing() {}, onSent() {}, onClose() {} };

/** A WebSocket without an engine behind it: it takes what comes and has no send window. */
async function dialRaw(emulator: TestEmulator, mode: Side, accessToken: AccessToken): Promise<TunnelSocket> {
  const { host, port, ca } = emulator;
  const signal = new AbortController().signal;
  const socket = await dialTunnel({ host, port, ca: [ca], mode, accessToken, userAgent: "test", signal });
  socket.handle(DEAF);
  return socket;
}

test("the relay does not read a source that takes no answers", async () => {
  await using emulator = await startEmulator();
  await using wire = await Wire.to(emulator.port);
  const { tokens } = emulator.open(["SINK"]);
  const source = await dialRaw({ ...emulator, port: wire.port }, "source", tokens.source);
  source.pause(); // and no destination is connected, so that every start is answered with a reset
  let sent = 0;
  const start = { type: MessageType.StreamStart, serviceId: "SINK", connectionId: 1 };
  const send = () => {
    while (sent < MOST_STARTS && source.bufferedBytes < 1024 * 1024) {
      sent += 1;
      source.send(encodeFrame(makeMessage({ ...start, streamId: sent })));
    }
  };
  source.handle({ ...DEAF, onSent: send });
  source.pause();
  send();
  await standstill(() => sent);
  expect(sent).toBeLessThan(MOST_STARTS);
  source.terminate();
}, 90_000);
