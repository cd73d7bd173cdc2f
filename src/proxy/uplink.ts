import { Link, type LinkOptions } from "../engine/link.ts";
import type { TunnelSocket } from "../net/tunnel-socket.ts";

/** Bytes that may wait in the WebSocket: enough to keep the kernel busy between two turns of the event loop. */
const SOCKET_FULL_BYTES = 1024 * 1024;

/** The open WebSocket with the state of its link: sends what both have room for, and pings as the link asks. */
export class Uplink {
  readonly link: Link;
  readonly #socket: TunnelSocket;

  constructor(socket: TunnelSocket, options: LinkOptions, now: number) {
    this.#socket = socket;
    this.link = new Link(options, now);
  }

  /** Sends frames until there are none or no room. @param next the next frame, with so much payload at most */
  send(now: number, next: (now: number, maxBytes: number) => Uint8Array | undefined): void {
    this.#ping(now);
    let isHeldBack = !this.#hasRoom(now);
    while (!isHeldBack) {
      const frame = next(now, this.link.window.messageBytes);
      if (frame === undefined) break;
      this.#socket.send(frame);
      this.link.window.sent(frame.length);
      this.#ping(now);
      isHeldBack = !this.#hasRoom(now);
    }
    this.link.setHeldBack(isHeldBack);
  }

  /** Stops or goes on reading. */
  setReadingPaused(isPaused: boolean, now: number): void {
    this.link.setReadingPaused(isPaused, now);
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  #hasRoom(now: number): boolean {
    return this.#socket.bufferedBytes < SOCKET_FULL_BYTES && this.link.window.isOpen(now);
  }

  #ping(now: number): void {
    const id = this.link.nextPing(now);
    if (id !== undefined) this.#socket.ping(id);
  }
}
