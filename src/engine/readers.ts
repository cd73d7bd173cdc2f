import type { CarrierLimits } from "./carrier-options.ts";
import type { Connection, Output } from "./output.ts";

/** What a connection, and all together, still want to send. */
export interface Backlog {
  readonly backlog: number;
  backlogOf(connection: Connection): number;
}

const NOTHING: readonly Output[] = [];

/** Which applications are read: none whose own backlog is long, and nobody while all together have too much. */
export class Readers {
  readonly #limits: Pick<CarrierLimits, "connectionBytes" | "totalBytes">;
  readonly #open = new Map<number, Connection>();
  readonly #paused = new Map<number, Connection>();
  /** Those that gave bytes since it was last decided who is read. */
  readonly #fed = new Set<Connection>();

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
    const { connectionBytes, totalBytes } = this.#limits;
    const isFull = backlog.backlog > totalBytes && this.#paused.size < this.#open.size;
    const outputs: Output[] = [];
    for (const connection of isFull ? this.#open.values() : this.#fed) {
      const { key } = connection;
      if (this.#paused.has(key) || !this.#open.has(key)) continue;
      if (!isFull && backlog.backlogOf(connection) <= connectionBytes) continue;
      this.#paused.set(key, connection);
      outputs.push({ type: "pause", connection });
    }
    this.#fed.clear();
    return outputs;
  }

  #resume(backlog: Backlog): Output[] {
    const { connectionBytes, totalBytes } = this.#limits;
    if (this.#paused.size === 0 || backlog.backlog > totalBytes / 2) return [];
    const free = [...this.#paused.values()].filter((one) => backlog.backlogOf(one) <= connectionBytes / 2);
    for (const { key } of free) this.#paused.delete(key);
    return free.map((connection) => ({ type: "resume", connection }));
  }
}
