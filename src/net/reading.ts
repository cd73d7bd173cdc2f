import type { Socket } from "node:net";
import { nextTick } from "node:process";
import { handleOf } from "./bun.ts";

/**
 * Stops reading, without the chunk of up to half a megabyte that Bun reads ahead of a paused stream: with many sockets
 * that is most of what a process holds.
 */
export function pauseReading(socket: Socket): void {
  socket.pause();
  // A stream that is paused while it hands out a chunk asks for one more, in a tick of its own: this is the next one.
  nextTick(() => nextTick(() => stop(socket)));
}

function stop(socket: Socket): void {
  if (socket.isPaused() && !socket.connecting) handleOf(socket)?.pause?.();
}

/** Goes on reading. */
export function resumeReading(socket: Socket): void {
  socket.resume();
  if (!socket.connecting) handleOf(socket)?.resume?.();
}
