import type { Duplex } from "node:stream";

/** How long a client may take to close its side of a refused upgrade: nothing else watches that socket. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Answers an upgrade request with something else than a WebSocket, and ends its connection. */
export function endUpgrade(socket: Duplex, answer: string): void {
  socket.on("error", () => socket.destroy());
  socket.end(answer);
  const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
  socket.once("close", () => clearTimeout(timer));
}
