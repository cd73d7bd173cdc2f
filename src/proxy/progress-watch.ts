import { queuedInKernel } from "../net/kernel-queue.ts";
import type { LocalSocket } from "./local-socket.ts";

/** Much shorter than a stall time, and seldom enough for a table of all sockets of a machine. */
const LOOK_EVERY_MS = 1_000;

/** More than that are a flood, and no slow applications: thousands that were looked at each second took tens of megabytes. */
const MAX_SLOW = 256;

/**
 * Looks at the local sockets from which nothing has gone for a second: their applications may take bytes out of the
 * kernel's buffers all the same, which a socket shows late.
 */
export class ProgressWatch implements Disposable {
  readonly #locals: () => Iterable<LocalSocket>;
  readonly #onTaken: (local: LocalSocket, bytes: number) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** What each slow one had not taken at the last look, of all that it was given. */
  #before = new Map<LocalSocket, number>();
  #isLooking = false;

  /** @param onTaken the application of a socket has taken so many bytes since the last look */
  constructor(
    locals: () => Iterable<LocalSocket>,
    onTaken: (local: LocalSocket, bytes: number) => void,
    everyMs = LOOK_EVERY_MS,
  ) {
    this.#locals = locals;
    this.#onTaken = onTaken;
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    const slow = [...this.#locals()].filter((local) => local.hasStood());
    if (slow.length === 0 || slow.length > MAX_SLOW) return void this.#before.clear();
    this.#isLooking = true;
    const queued = await queuedInKernel(slow.map(({ socket }) => socket));
    this.#isLooking = false;
    const taken = slow.map((local, at) => local.bytesFromTunnel - local.unreadBytes - (queued[at] ?? 0));
    for (const [at, local] of slow.entries()) {
      const more = (taken[at] ?? 0) - (this.#before.get(local) ?? Number.POSITIVE_INFINITY);
      if (queued[at] !== undefined && more > 0) this.#onTaken(local, more);
    }
    this.#before = new Map(slow.map((local, at) => [local, taken[at] ?? 0]));
  }
}
