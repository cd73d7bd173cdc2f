import { type Reason, Why } from "../../protocol/control.ts";
import type { ConnectionState, Stream } from "../stream-table.ts";

/** Reasons of a connection that was not made. */
const REASONS: ReadonlySet<number> = new Set([Why.Refused, Why.Unreachable, Why.TimedOut]);

/**
 * Connections of a destination that could not be made before the source's HELLO came. Their end waits for it, as long as
 * it is waited for at all, since only then it can be told why (P97).
 */
export class Unmade {
  readonly #reasons = new Map<ConnectionState, Reason>();

  /** @returns false for a connection that ended for another reason */
  hold(state: ConnectionState, why: number | undefined, address: string | undefined): boolean {
    if (why === undefined || !REASONS.has(why)) return false;
    this.#reasons.set(state, { connection: state.connectionId, why, address });
    return true;
  }

  /** HELLO came. @returns undefined for a connection that is none of these */
  take(state: ConnectionState): Reason | undefined {
    const reason = this.#reasons.get(state);
    this.#reasons.delete(state);
    return reason;
  }

  /** HELLO did not come. @returns those of a stream */
  takeOf(stream: Stream): ConnectionState[] {
    const states = [...this.#reasons.keys()].filter((state) => state.stream === stream);
    for (const state of states) this.#reasons.delete(state);
    return states;
  }

  forget(state: ConnectionState): void {
    this.#reasons.delete(state);
  }
}
