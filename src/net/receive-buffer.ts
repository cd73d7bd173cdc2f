import type { Socket } from "node:net";
import { handleOf, loadSetSockOpt } from "./bun.ts";

/** <asm-generic/socket.h>: the same on every processor that there are builds for. */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;

let setSockOpt: ReturnType<typeof loadSetSockOpt> | "unknown" = "unknown";

/**
 * Lets the kernel hold so much for a socket before it is read (SO_RCVBUF; it takes as much again for its own use). It
 * bounds the chunks that are read, too, which on Bun are of up to half a megabyte. Does nothing off Linux, and on other
 * runtimes, which read in chunks of 64 KiB.
 */
export function limitReceiveBuffer(socket: Socket, bytes: number): void {
  const fd = handleOf(socket)?.fd ?? -1;
  if (fd < 0 || socket.destroyed) return;
  if (setSockOpt === "unknown") setSockOpt = loadSetSockOpt();
  setSockOpt?.(fd, SOL_SOCKET, SO_RCVBUF, Int32Array.of(bytes), Int32Array.BYTES_PER_ELEMENT);
}
