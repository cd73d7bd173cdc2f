import type { FairQueue } from "./fair-queue.ts";
import type { Connection } from "./output.ts";
import type { Backlog } from "./readers.ts";

/** What may wait for credit, of all connections together, before it counts as backlog of them all (P95). */
const MAX_BLOCKED_BYTES = 16 * 1024 * 1024;

/** What credit says of the connections that it bounds. */
interface Credit {
  /** Backlog of connections whose credit is used up, in bytes. */
  readonly blockedBacklog: number;
  /** Bytes of a connection that may go out now. */
  allowanceOf(key: number): number;
}

/** What decides who is read, in bytes: what waits for credit is no reason not to read others (P95). */
export class Pressure implements Backlog {
  readonly #queue: FairQueue;
  readonly #credit: Credit | undefined;

  /** @param credit absent: nothing is bounded by it */
  constructor(queue: FairQueue, credit: Credit | undefined) {
    this.#queue = queue;
    this.#credit = credit;
  }

  get backlog(): number {
    const blocked = this.#credit?.blockedBacklog ?? 0;
    return this.#queue.totalBytes - Math.min(blocked, MAX_BLOCKED_BYTES);
  }

  get waitingBacklog(): number {
    return this.#queue.waitingBytes;
  }

  isWaiting({ key }: Connection): boolean {
    return this.#queue.isWaiting(key);
  }

  /** Infinite for one whose credit is used up and that has something to send. */
  backlogOf({ key }: Connection): number {
    const bytes = this.#queue.bytesOf(key);
    return bytes > 0 && this.#credit?.allowanceOf(key) === 0 ? Number.POSITIVE_INFINITY : bytes;
  }
}
