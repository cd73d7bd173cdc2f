import type { ConnectionState } from "../stream-table.ts";
import type { Closed, Ledger } from "./ledger.ts";

/** A connection whose local socket is gone waits so long for the next acknowledgement (P97). */
const CLOSE_MS = 30_000;

/** Connections whose local socket is gone, and whose other end has not acknowledged all. Milliseconds. */
export class Closings {
  readonly #ledgers = new Map<ConnectionState, Ledger>();
  /** Their local socket went before they could be opened anew. */
  readonly #before = new Map<number, Closed>();

  has(state: ConnectionState): boolean {
    return this.#ledgers.has(state);
  }

  add(state: ConnectionState, ledger: Ledger): void {
    this.#before.delete(state.connection.key);
    this.#ledgers.set(state, ledger);
  }

  /** One that is not on the wire yet is closed once it is. */
  addBefore(key: number, closed: Closed): void {
    this.#before.set(key, closed);
  }

  /** How the local socket of one went that was not on the wire yet. */
  beforeOf(key: number): Closed | undefined {
    return this.#before.get(key);
  }

  delete(state: ConnectionState): void {
    this.#ledgers.delete(state);
  }

  /** The connection is over. */
  forget(state: ConnectionState): void {
    this.#ledgers.delete(state);
    this.#before.delete(state.connection.key);
  }

  /** Those of which nothing is acknowledged any more. */
  due(now: number): readonly (readonly [ConnectionState, Ledger])[] {
    return [...this.#ledgers].filter(([, { progressAt }]) => progressAt + CLOSE_MS <= now);
  }

  /** When `due` will have one; infinite: never. */
  get deadline(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { progressAt } of this.#ledgers.values()) first = Math.min(first, progressAt + CLOSE_MS);
    return first;
  }
}
