// What clients may not cost serve-local, measured at its process.
import { expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";
import { encodeFrame, MessageType, makeMessage } from "../../src/protocol/message.ts";
import { residentBytes } from "../helpers/memory.ts";
import { deviceWords, notifyTopic, Subscriber } from "../helpers/mqtt.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

const MAX_BYTES = 192 * 1024 * 1024;
const STARTS = 970_000;
const STARTS_A_FRAME = 20_000;

/** A local proxy that reads nothing after its handshake. */
async function deafProxy(server: ServeLocal, mode: string, token: string): Promise<TLSSocket> {
  const [host = "", port = ""] = server.endpoint.dataPlane.split(":");
  const ca = readFileSync(server.endpoint.ca);
  const socket = connect({ port: Number(port), host: "127.0.0.1", servername: host, ca });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  socket.write(
    [
      `GET /tunnel?local-proxy-mode=${mode} HTTP/1.1`,
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0",
      `access-token: ${token}`,
      "\r\n",
    ].join("\r\n"),
  );
  await once(socket, "data");
  socket.pause();
  return socket;
}

/** One masked WebSocket frame, its mask of zeros, full of the shortest STREAM_STARTs. */
function frameOfStarts(): Buffer {
  const start = encodeFrame(makeMessage({ type: MessageType.StreamStart, streamId: 7 }));
  const payload = Buffer.concat(Array(STARTS_A_FRAME).fill(start));
  const head = Buffer.alloc(14);
  head.writeUInt16BE(0x82ff);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

test.each([["with a destination that reads nothing"], ["alone"]])(
  "a source that starts 970,000 streams and reads nothing, %s, costs less than 192 MiB",
  async (title) => {
    await using server = await serveLocal({ args: ["--no-mqtt", "--log-level", "error"] });
    using dir = tempDir();
    const { stdout } = await runTunnel(["open", "--service", "SSH", "--json", ...server.local], {
      XDG_STATE_HOME: dir.path,
    });
    const { sourceAccessToken, destinationAccessToken } = JSON.parse(stdout);
    const sockets = [await deafProxy(server, "source", sourceAccessToken)];
    if (title !== "alone") sockets.push(await deafProxy(server, "destination", destinationAccessToken));
    const [source] = sockets;
    const frame = frameOfStarts();
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, residentBytes(server.process.pid));
    }, 5);
    for (let sent = 0; sent < STARTS; sent += STARTS_A_FRAME) source?.write(frame);
    await waitFor(
      "all to be sent, or held",
      () => source?.writableLength === 0 || (source?.bytesWritten ?? 0) > 4e6,
    );
    // A call is answered meanwhile: nothing is stuck.
    expect((await runTunnel(["list", ...server.local], { XDG_STATE_HOME: dir.path })).code).toBe(0);
    clearInterval(watch);
    expect(peak).toBeLessThan(MAX_BYTES);
    for (const socket of sockets) socket.destroy();
  },
  60_000,
);

test("a device with a kept session hears of a tunnel that was opened while serve-local was not there for it", async () => {
  using dir = tempDir();
  const stateDir = `${dir.path}/state`;
  const env = { XDG_STATE_HOME: dir.path };
  const first = await serveLocal({ stateDir });
  await runTunnel(["serve-local", "thing", "add", "pump-7", "--state-dir", stateDir], env);
  const identity = {
    caPath: `${stateDir}/ca/ca.pem`,
    certificatePath: `${stateDir}/things/pump-7/certificate.pem`,
    keyPath: `${stateDir}/things/pump-7/private.key`,
  };
  const words = (server: ServeLocal) => [
    ...deviceWords(server.endpoint.mqtt ?? "", identity),
    "-c",
    "-i",
    "device",
  ];
  const device = new Subscriber(words(first), notifyTopic("pump-7"));
  expect(await device.granted()).toBe(1);
  await device.process.kill();
  await runTunnel(["open", "--thing", "pump-7", "--service", "SSH", ...first.local], env);
  await first.process.kill();
  await using second = await serveLocal({ stateDir });
  await using again = new Subscriber(words(second), notifyTopic("pump-7"));
  expect(JSON.parse((await again.message()).payload)).toMatchObject({
    clientMode: "destination",
    services: ["SSH"],
  });
});
