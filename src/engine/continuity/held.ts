import { Why } from "../../protocol/control.ts";
import type { Exchange } from "../exchange.ts";
import type { ConnectionState, Stream } from "../stream-table.ts";
import type { Accounts } from "./accounts.ts";
import type { Channel } from "./channel.ts";
import { Ledger } from "./ledger.ts";
import type { Strand } from "./strand.ts";

/** Connections that an engine carried last and that are suspended, with their local sockets here (P99). */
export class Held {
  readonly #exchange: Exchange;
  readonly #accounts: Accounts;
  readonly #ledgers = new Map<number, Ledger>();

  constructor(exchange: Exchange, accounts: Accounts) {
    this.#exchange = exchange;
    this.#accounts = accounts;
  }

  /** Takes what can be taken up again out of a stream. */
  suspend(stream: Stream, strand: Strand): void {
    for (const state of [...stream.connections.values()]) {
      const ledger = this.#accounts.take(state);
      if (ledger !== undefined) this.#hold(state, ledger, strand);
    }
    // Accepted, and not on the wire yet: under ids that the other end has never heard of they are opened anew.
    for (const state of [...this.#exchange.table.connections.values()]) {
      const { connection } = state;
      if (state.stream !== undefined || connection.serviceId !== strand.serviceId || state.closed) continue;
      const ledger = new Ledger(connection, strand.nextConnectionId++, this.#accounts.pools);
      ledger.outgoing.hasEnded = state.ended;
      this.#hold(state, ledger, strand);
    }
  }

  /** Another engine carries them on, or nobody does. */
  release(strand: Strand): void {
    for (const { connection } of strand.ledgers.values()) {
      this.#ledgers.delete(connection.key);
      this.#exchange.sockets.delete(connection.key);
    }
  }

  /** Carries a suspended connection on. @returns false when its counts do not fit */
  adopt(ledger: Ledger, channel: Channel, received: number): boolean {
    const again = ledger.outgoing.rewind(received);
    if (again === undefined) return false;
    const { connection, connectionId, incoming } = ledger;
    const state = this.#revive(ledger, again);
    this.#exchange.table.join(state, channel.stream, connectionId);
    state.sentBytes = received;
    if (incoming.received > 0) state.lastReceivedAt = this.#accounts.now;
    if (!state.closed) {
      this.#exchange.output({ type: "adopt", connection, unreadBytes: incoming.unreadBytes });
    }
    this.#accounts.give(state, ledger, channel);
    return true;
  }

  /**
   * Opens a connection again that the other end has never heard of.
   * @returns false when its bytes are not kept, or the other end has heard of it: another answer would follow the first
   */
  openAnew(ledger: Ledger): boolean {
    const again = ledger.isHeardOf ? undefined : ledger.outgoing.rewind(0);
    if (again === undefined) return false;
    const { connection, closed } = ledger;
    this.#exchange.queue.push(connection.key, { type: "start" });
    this.#revive(ledger, again);
    ledger.release();
    if (closed === undefined) this.#exchange.output({ type: "adopt", connection, unreadBytes: 0 });
    else this.#accounts.closeOnceOpen(connection.key, closed);
    return true;
  }

  /** Bytes of an application. @returns whether its connection is one of these */
  data(key: number, bytes: Uint8Array): boolean {
    return this.#with(key, ({ pending }) => pending.push(bytes));
  }

  ended(key: number): boolean {
    return this.#with(key, ({ outgoing }) => {
      outgoing.hasEnded = true;
    });
  }

  closed(key: number, why: number | undefined): boolean {
    return this.#with(key, (ledger) => {
      ledger.closed = { why: why === undefined ? undefined : Why.Reset };
      if (why === undefined) ledger.outgoing.hasEnded = true;
      ledger.incoming.discard();
    });
  }

  handed(key: number, bytes: number): boolean {
    return this.#with(key, ({ incoming }) => incoming.hand(bytes));
  }

  unread(key: number, bytes: number): boolean {
    return this.#with(key, ({ incoming }) => incoming.setUnread(bytes));
  }

  #hold(state: ConnectionState, ledger: Ledger, strand: Strand): void {
    const { connection } = state;
    ledger.pending = this.#exchange.queue.dataOf(connection.key);
    this.#ledgers.set(connection.key, ledger);
    strand.ledgers.set(ledger.connectionId, ledger);
    this.#exchange.forget(state);
    if (ledger.closed === undefined) this.#exchange.output({ type: "hold", connection });
  }

  /** Puts a connection back into the table, with what is to be sent. */
  #revive(ledger: Ledger, again: readonly Uint8Array[]): ConnectionState {
    const { connection, outgoing, closed, pending } = ledger;
    const { table, queue, sockets } = this.#exchange;
    const state = table.adopt(connection);
    state.ended = outgoing.hasEnded || closed !== undefined;
    state.closed = closed !== undefined;
    for (const bytes of [...again, ...pending]) queue.push(connection.key, { type: "data", bytes });
    ledger.pending = [];
    if (closed === undefined) sockets.add(connection.key);
    return state;
  }

  #with(key: number, change: (ledger: Ledger) => void): boolean {
    const ledger = this.#ledgers.get(key);
    if (ledger !== undefined) change(ledger);
    return ledger !== undefined;
  }
}
