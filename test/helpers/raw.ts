import { readdirSync, readFileSync } from "node:fs";
import { AccessToken } from "../../src/base/secret.ts";
import { dialTunnel, type TunnelSocket } from "../../src/net/tunnel-socket.ts";
import { encodeFrame, MessageType, makeMessage } from "../../src/protocol/message.ts";
import type { ServeLocal } from "./serve-local.ts";

const DEAF = { onBytes: () => {}, onPong: () => {}, onPing: () => {}, onSent: () => {}, onClose: () => {} };
/** What may wait in the test's own socket. */
const FULL_BYTES = 1024 * 1024;

/** One side of a tunnel that sends what it likes. */
export async function dialRaw(
  server: ServeLocal,
  mode: "source" | "destination",
  token: string,
): Promise<TunnelSocket> {
  const { port } = new URL(server.endpoint.controlPlane);
  const socket = await dialTunnel({
    host: "localhost",
    port: Number(port),
    ca: [readFileSync(server.endpoint.ca, "utf8")],
    mode,
    accessToken: new AccessToken(token),
    userAgent: "test",
    signal: new AbortController().signal,
  });
  socket.handle(DEAF);
  return socket;
}

/** Sends `count` STREAM_STARTs of a service, as fast as they are taken; `sent` tells how many were. */
export function floodStarts(
  socket: TunnelSocket,
  serviceId: string,
  count: number,
): { readonly sent: number } {
  const flood = { sent: 0 };
  const send = () => {
    while (flood.sent < count && socket.bufferedBytes < FULL_BYTES) {
      flood.sent += 1;
      const start = { type: MessageType.StreamStart, streamId: flood.sent, serviceId, connectionId: 1 };
      socket.send(encodeFrame(makeMessage(start)));
    }
  };
  socket.handle({ ...DEAF, onSent: send });
  send();
  return flood;
}

/** Open descriptors of a process. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
