import type { FairQueue } from "../fair-queue.ts";
import type { Connection } from "../output.ts";
import type { Stream } from "../stream-table.ts";
import type { Ledger } from "./ledger.ts";

/** The ledgers of one engine's connections by their key, and what their credit bounds. Bytes. */
export class Ledgers {
  readonly #queue: FairQueue;
  readonly #byKey = new Map<number, Ledger>();
  /** Those that credit bounds since this was last asked. */
  #bound: Connection[] = [];

  /** @param queue what the connections want to send */
  constructor(queue: FairQueue) {
    this.#queue = queue;
  }

  get(key: number): Ledger | undefined {
    return this.#byKey.get(key);
  }

  set(ledger: Ledger): void {
    this.#byKey.set(ledger.connection.key, ledger);
  }

  delete(key: number): void {
    this.#byKey.delete(key);
  }

  /** Those of the connections of a stream. */
  in({ connections }: Stream): readonly Ledger[] {
    return [...connections.values()].flatMap(({ connection }) => this.#byKey.get(connection.key) ?? []);
  }

  /** The other end knows from here on what it may send. */
  bind({ incoming, connection }: Ledger): void {
    if (incoming.isBound) return;
    incoming.bind();
    this.#bound.push(connection);
  }

  /** Connections that credit bounds since the last call. */
  takeBound(): readonly Connection[] {
    if (this.#bound.length === 0) return this.#bound;
    const bound = this.#bound;
    this.#bound = [];
    return bound;
  }

  /** Whether credit bounds what waits for a connection's application. */
  isCredited(key: number): boolean {
    return this.#byKey.get(key)?.incoming.isBound === true;
  }

  /** Bytes of a connection that may go out now. */
  allowanceOf(key: number): number {
    return this.#byKey.get(key)?.outgoing.allowance ?? Number.POSITIVE_INFINITY;
  }

  /** Backlog of connections whose credit is used up: it waits for their own applications alone. */
  get blockedBacklog(): number {
    let sum = 0;
    for (const [key, { outgoing }] of this.#byKey) {
      if (outgoing.allowance === 0) sum += this.#queue.bytesOf(key);
    }
    return sum;
  }
}
