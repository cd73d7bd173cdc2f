// A TLS server on loopback that is handed the bare socket: for services that answer by halves, or not at all.
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import { createAuthority, issueServerCertificate } from "../../src/emulator/certificates/authority.ts";

export interface RawService extends AsyncDisposable {
  readonly port: number;
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** TLS connections so far. */
  readonly accepted: number;
  /** Those that are still open. */
  readonly open: number;
}

/** @param onRequest is called when the headers of a request, its `head`, are complete */
export async function startRawService(
  onRequest: (socket: Socket, head: string) => void,
): Promise<RawService> {
  const authority = await createAuthority(["localhost"], Date.now());
  const leaf = await issueServerCertificate(authority, { names: ["localhost"], addresses: [] }, Date.now());
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ cert: leaf.certificate, key: leaf.privateKey }, (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    let head = "";
    socket.on("data", (bytes) => {
      const wasComplete = head.includes("\r\n\r\n");
      head += bytes.toString("latin1");
      if (!wasComplete && head.includes("\r\n\r\n")) onRequest(socket, head);
    });
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    ca: authority.certificate,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Writes a piece every 20 ms until the socket has gone; without an end of their own, the last one again and again. */
export function drip(socket: Socket, pieces: Iterable<string>): void {
  const iterator = pieces[Symbol.iterator]();
  const timer = setInterval(() => {
    const next = iterator.next();
    if (!next.done) socket.write(next.value);
  }, 20);
  socket.once("close", () => clearInterval(timer));
}
