import type { CarrierLimits } from "./carrier-options.ts";
import type { Connection, Output } from "./output.ts";

/** What a connection, and all together, still want to send, in bytes. */
export interface Backlog {
  /** Of all. */
  readonly backlog: number;
  /** Of those that are not yet open on the wire: with an older peer they may wait long for each other (P44). */
  readonly waitingBacklog: number;
  backlogOf(connection: Connection): number;
  isWaiting(connection: Connection): boolean;
}

/** One that waits to be opened may give this part of the whole: as many as may wait for an older peer fit in (P44). */
const WAITING_PART = 1 / 128;

const NOTHING: readonly Output[] = [];

/**
 * Which applications are read: none whose own backlog is long, and nobody while all together have too much. Those that
 * wait to be opened are counted for themselves, or they would hold up the one that they wait for.
 */
export class Readers {
  readonly #limits: Pick<CarrierLimits, "connectionBytes" | "totalBytes">;
  readonly #open = new Map<number, Connection>();
  readonly #paused = new Map<number, Connection>();
  /** Those that gave bytes since it was last decided who is read. */
  readonly #fed = new Set<Connection>();
  /** Whether all together had too much when it was last decided. */
  #wasFull = { open: false, waiting: false };

  constructor(limits: Pick<CarrierLimits, "connectionBytes" | "totalBytes">) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** All of them, as they are now. */
  get all(): readonly Connection[] {
    return [...this.#open.values()];
  }

  /** Whether all of them are so. */
  every(isSo: (key: number) => boolean): boolean {
    for (const key of this.#open.keys()) if (!isSo(key)) return false;
    return true;
  }

  get(key: number): Connection | undefined {
    return this.#open.get(key);
  }

  add(connection: Connection): void {
    this.#open.set(connection.key, connection);
  }

  /** Its application gave bytes. */
  fed(connection: Connection): void {
    this.#fed.add(connection);
  }

  /** @returns what it was: unknown, read, or not read */
  remove(key: number): "unknown" | "read" | "paused" {
    if (!this.#open.delete(key)) return "unknown";
    return this.#paused.delete(key) ? "paused" : "read";
  }

  /** Decides anew, and says what changes. */
  settle(backlog: Backlog): readonly Output[] {
    if (this.#fed.size === 0 && this.#paused.size === 0) return NOTHING;
    return [...this.#pause(backlog), ...this.#resume(backlog)];
  }

  #pause(backlog: Backlog): Output[] {
    const { totalBytes } = this.#limits;
    const { waitingBacklog } = backlog;
    const isFull = {
      open: backlog.backlog - waitingBacklog > totalBytes,
      waiting: waitingBacklog > totalBytes,
    };
    const isNew = (isFull.open && !this.#wasFull.open) || (isFull.waiting && !this.#wasFull.waiting);
    this.#wasFull = isFull;
    const outputs: Output[] = [];
    // Once all that could be stopped have been, only those that give bytes are to be looked at.
    for (const connection of isNew ? this.#open.values() : this.#fed) {
      const { key } = connection;
      if (this.#paused.has(key) || !this.#open.has(key)) continue;
      const isTooMuch = backlog.isWaiting(connection) ? isFull.waiting : isFull.open;
      if (!isTooMuch && backlog.backlogOf(connection) <= this.#limitOf(connection, backlog)) continue;
      this.#paused.set(key, connection);
      outputs.push({ type: "pause", connection });
    }
    this.#fed.clear();
    return outputs;
  }

  #resume(backlog: Backlog): Output[] {
    if (this.#paused.size === 0) return [];
    const half = this.#limits.totalBytes / 2;
    const { waitingBacklog } = backlog;
    const isOpenFree = backlog.backlog - waitingBacklog <= half;
    const isWaitingFree = waitingBacklog <= half;
    if (!isOpenFree && !isWaitingFree) return [];
    const free = [...this.#paused.values()].filter(
      (one) =>
        (backlog.isWaiting(one) ? isWaitingFree : isOpenFree) &&
        backlog.backlogOf(one) <= this.#limitOf(one, backlog) / 2,
    );
    for (const { key } of free) this.#paused.delete(key);
    return free.map((connection) => ({ type: "resume", connection }));
  }

  #limitOf(connection: Connection, backlog: Backlog): number {
    const { connectionBytes, totalBytes } = this.#limits;
    return backlog.isWaiting(connection)
      ? Math.min(connectionBytes, totalBytes * WAITING_PART)
      : connectionBytes;
  }
}
