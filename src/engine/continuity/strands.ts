import type { Position } from "../../protocol/control.ts";
import { MessageType, makeMessage } from "../../protocol/message.ts";
import { type Exchange, idsOf } from "../exchange.ts";
import type { Stream } from "../stream-table.ts";
import type { Accounts } from "./accounts.ts";
import type { Channel } from "./channel.ts";
import type { Held } from "./held.ts";
import type { Ledger } from "./ledger.ts";
import type { Session } from "./session.ts";
import type { Holder, Strand } from "./strand.ts";

/** What becomes of the strands that an engine takes up or gives up. Times in milliseconds. */
export class Strands {
  readonly #isSource: boolean;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #accounts: Accounts;
  readonly #held: Held;

  constructor(
    side: "source" | "destination",
    session: Session,
    exchange: Exchange,
    accounts: Accounts,
    held: Held,
  ) {
    this.#isSource = side === "source";
    this.#session = session;
    this.#exchange = exchange;
    this.#accounts = accounts;
    this.#held = held;
  }

  /** Those that wait and were carried by a holder last, and those that have no local socket: nobody else may be left. */
  of(holder: Holder): Strand[] {
    const isBare = ({ ledgers }: Strand) => [...ledgers.values()].every(({ closed }) => closed !== undefined);
    return [...this.#session.suspended].filter((strand) => strand.holder === holder || isBare(strand));
  }

  /** When a strand has waited long enough. */
  expiryOf({ suspendedAt }: Strand): number {
    return suspendedAt + this.#session.options.resumeTimeoutMs;
  }

  /**
   * Takes up what both ends have of a strand; the rest is over.
   * @param positions what the other end has received
   * @param next the other end has never heard of connections from this id on: they are opened anew
   * @returns what was received here
   */
  adopt(
    channel: Channel,
    strand: Strand,
    positions: readonly Position[],
    next = Number.POSITIVE_INFINITY,
  ): readonly Position[] {
    const { stream } = channel;
    const { serviceId, ledgers, suspendedAt } = strand;
    strand.holder.release(strand);
    // In a stream that a connection began, ids count anew: nothing of the old ones is left at the source.
    if (stream.connections.size === 0) {
      stream.nextConnectionId = Math.max(stream.nextConnectionId, strand.nextConnectionId);
    }
    const kept: Position[] = [];
    for (const { connection, received } of positions) {
      // Two connections under one id would be told apart by nobody: the one that is open keeps it.
      if (stream.connections.has(connection)) continue;
      const ledger = ledgers.get(connection);
      if (ledger !== undefined && this.#held.adopt(ledger, channel, received)) {
        ledgers.delete(connection);
        kept.push({ connection, received: ledger.incoming.received });
      } else if (this.#isSource) this.#refuse(stream, connection);
    }
    for (const ledger of ledgers.values()) {
      if (ledger.connectionId >= next && this.#held.openAnew(ledger)) ledgers.delete(ledger.connectionId);
    }
    const afterMs = this.#accounts.now - suspendedAt;
    if (kept.length > 0) {
      this.#exchange.event({ type: "resumed", serviceId, connections: kept.length, afterMs });
    }
    this.#loseAll(strand, "the other side does not have it any more");
    return kept;
  }

  #refuse(stream: Stream, connectionId: number): void {
    const type = MessageType.ConnectionReset;
    this.#exchange.answer(makeMessage({ type, ...idsOf(stream, connectionId) }));
  }

  /** Nobody waits for a strand any more. */
  lose(strand: Strand, why: string): void {
    strand.holder.release(strand);
    this.#session.forget(strand);
    this.#loseAll(strand, why);
  }

  #loseAll(strand: Strand, why: string): void {
    const lost = [...strand.ledgers.values()].filter((ledger) => this.#loseOne(ledger, why));
    strand.ledgers.clear();
    const { serviceId } = strand;
    if (lost.length > 0) this.#exchange.event({ type: "lost", serviceId, connections: lost.length, why });
  }

  /** @returns whether its application loses anything */
  #loseOne(ledger: Ledger, why: string): boolean {
    const { connection, incoming, isSpoken, closed } = ledger;
    const unreadBytes = incoming.unreadBytes;
    ledger.release();
    if (closed !== undefined) return false;
    this.#exchange.output({ type: "adopt", connection, unreadBytes });
    this.#exchange.output({ type: "close", connection, how: isSpoken ? "end" : "reset", why });
    return !isSpoken;
  }
}
