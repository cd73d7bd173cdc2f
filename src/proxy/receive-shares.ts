import type { Socket } from "node:net";
import { limitReceiveBuffer } from "../net/receive-buffer.ts";

/** What the kernel may hold for all local sockets of the process together, and so what is read of them at once. Bytes. */
const TOTAL_BYTES = 16 * 1024 * 1024;
/** The largest chunk that a runtime reads: nothing is gained by more. */
const MOST_BYTES = 512 * 1024;
/** Less than the largest packet of the loopback network makes its sender wait for timers. */
const LEAST_BYTES = 64 * 1024;

/** What each of so many sockets may hold, by halves; undefined: whatever the kernel likes. */
export function receiveShare(sockets: number): number | undefined {
  let share = MOST_BYTES;
  while (share > LEAST_BYTES && share * sockets > TOTAL_BYTES) share /= 2;
  return share === MOST_BYTES ? undefined : share;
}

/** Shares the kernel's receive buffers among the local sockets of a process, so that many of them stay small together. */
class ReceiveShares {
  readonly #sockets = new Set<Socket>();
  #share: number | undefined;

  /** A connected one. */
  add(socket: Socket): void {
    this.#sockets.add(socket);
    const share = receiveShare(this.#sockets.size);
    const isNew = share !== this.#share;
    this.#share = share;
    // A limit cannot be lifted again, but it can be as good as none.
    for (const one of isNew ? this.#sockets : [socket]) {
      if (share !== undefined || isNew) limitReceiveBuffer(one, (share ?? 2 * MOST_BYTES) / 2);
    }
  }

  /** It is closed. */
  delete(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}

/** Those of this process. */
export const RECEIVE_SHARES = new ReceiveShares();
