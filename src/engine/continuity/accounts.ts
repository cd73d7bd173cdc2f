import { type Control, type Reason, Why } from "../../protocol/control.ts";
import { MessageType, makeMessage } from "../../protocol/message.ts";
import type { AccountHooks } from "../continuity-hooks.ts";
import { type Exchange, idsOf } from "../exchange.ts";
import type { ConnectionState, Stream } from "../stream-table.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import { Closings } from "./closings.ts";
import { type Closed, Ledger } from "./ledger.ts";
import { Ledgers } from "./ledgers.ts";
import { PoolPart, type Pools } from "./pool.ts";
import type { Session } from "./session.ts";
import { Unmade } from "./unmade.ts";

/** The ledgers of one engine's connections: what is sent, acknowledged and told. */
export class Accounts implements AccountHooks {
  readonly ledgers: Ledgers;
  readonly #isSource: boolean;
  /** Where the memory of its connections comes from. */
  readonly pools: Pools;
  readonly #exchange: Exchange;
  readonly #channels: Channels;
  readonly #closings = new Closings();
  readonly #unmade = new Unmade();
  /** Streams whose other end is none of ours. */
  readonly #foreign = new WeakSet<Stream>();
  /** The time of what follows, in milliseconds. */
  now = 0;

  constructor(side: "source" | "destination", session: Session, exchange: Exchange, channels: Channels) {
    this.#isSource = side === "source";
    this.pools = { sendPool: new PoolPart(session.sendPool), receivePool: session.receivePool };
    this.#exchange = exchange;
    this.ledgers = new Ledgers(exchange.queue);
    this.#channels = channels;
  }

  /** Accounts of a connection, which begin when it is on the wire in format 3. */
  of(state: ConnectionState): Ledger | undefined {
    const { stream, connectionId, connection } = state;
    const known = this.ledgers.get(connection.key);
    if (known !== undefined || stream === undefined || stream.format < 3 || connectionId === 0) return known;
    const ledger = new Ledger(connection, connectionId, this.pools);
    this.ledgers.set(ledger);
    const channel = this.#channels.openOf(stream);
    const closed = this.#closings.beforeOf(connection.key);
    if (closed !== undefined) this.#close(state, ledger, closed.why);
    if (channel !== undefined) {
      this.ledgers.bind(ledger);
      this.open(state, channel);
    } else if (this.#foreign.has(stream)) ledger.outgoing.forgo();
    else if (this.#channels.isAwaited(stream)) ledger.outgoing.await();
    return ledger;
  }

  /** Both ends have said HELLO in the stream of a connection. */
  open(state: ConnectionState, channel: Channel): void {
    const ledger = this.of(state);
    if (ledger === undefined) return;
    const reason = this.#unmade.take(state);
    if (reason !== undefined) {
      channel.sayReason(reason);
      return this.#pushReset(state);
    }
    ledger.outgoing.open(channel.window);
    channel.sayCredit(ledger, this.now);
    if (state.closed && !this.#closings.has(state)) return;
    this.#exchange.linger.delete(state);
    if (state.ended && !state.closed) ledger.outgoing.hasEnded = true;
    this.#advance(state, ledger);
  }

  /** The other end of a stream has not said HELLO, though it seemed to be ours: everything is sent. */
  awaitNoMore(stream: Stream): void {
    for (const { outgoing } of this.ledgers.in(stream)) outgoing.awaitNoMore();
    for (const state of this.#unmade.takeOf(stream)) this.#pushReset(state);
  }

  /** Nothing is kept for the connections of a stream whose other end is none of ours. */
  forgo(stream: Stream): void {
    if (this.#foreign.has(stream)) return;
    this.#foreign.add(stream);
    for (const { outgoing } of this.ledgers.in(stream)) outgoing.forgo();
  }

  /** Bytes went out. */
  sent(state: ConnectionState, bytes: Uint8Array): void {
    const ledger = this.of(state);
    if (ledger === undefined) return;
    ledger.outgoing.send(bytes);
    this.#advance(state, ledger);
  }

  /** Bytes came. @returns false when they were too many: the connection is over */
  received(state: ConnectionState, bytes: number): boolean {
    const ledger = this.of(state);
    const { stream } = state;
    if (ledger === undefined || stream === undefined) return true;
    const channel = this.#channels.openOf(stream);
    const isFitting = ledger.incoming.receive(bytes);
    // A destination of ours says HELLO before anything else in a stream (P92).
    if (channel === undefined && this.#isSource) this.forgo(stream);
    if (channel === undefined) return true;
    if (!isFitting) {
      const type = MessageType.ConnectionReset;
      this.#exchange.answer(makeMessage({ type, ...idsOf(stream, state.connectionId) }));
      this.#exchange.closeLocal(state, "the other side sent more than it was allowed", "reset");
      return false;
    }
    if (state.closed) channel.sayCredit(ledger, this.now);
    return true;
  }

  /** What came was put out: an end of file may follow. */
  followUp(state: ConnectionState): void {
    const ledger = this.ledgers.get(state.connection.key);
    if (ledger?.incoming.isEndDue) this.#handEnd(state, ledger);
  }

  /** Bytes were given to a local socket. */
  handed(key: number, bytes: number): void {
    this.ledgers.get(key)?.incoming.hand(bytes);
  }

  /** So many of those have not left it. */
  unread(key: number, bytes: number): void {
    this.ledgers.get(key)?.incoming.setUnread(bytes);
    const state = this.#exchange.table.connections.get(key);
    if (state !== undefined) this.#tell(state);
  }

  /** The local application will send no more. @returns whether that is told (P96) */
  ended(state: ConnectionState): boolean {
    const ledger = this.#openOf(state);
    if (ledger === undefined) return false;
    ledger.outgoing.hasEnded = true;
    this.#advance(state, ledger);
    return true;
  }

  /** A local socket is gone. @returns whether its end is told later, once all is acknowledged (P97) */
  closed(state: ConnectionState, why: number | undefined, address?: string): boolean {
    const ledger = this.#openOf(state);
    if (state.stream === undefined) return false;
    if (this.#channels.isAwaited(state.stream) && this.#unmade.hold(state, why, address)) return true;
    if (ledger === undefined) return false;
    if (why !== undefined && why !== Why.Reset) {
      this.#channels.openOf(state.stream)?.sayReason({ connection: state.connectionId, why, address });
      return false;
    }
    this.#close(state, ledger, why);
    this.#tell(state);
    this.#advance(state, ledger);
    return true;
  }

  #close(state: ConnectionState, ledger: Ledger, why: number | undefined): void {
    ledger.closed = { why };
    ledger.progressAt = this.now;
    if (why === undefined) ledger.outgoing.hasEnded = true;
    ledger.incoming.discard();
    this.#closings.add(state, ledger);
  }

  /** What a control message says of connections. */
  hear({ credits, fins, reasons }: Control, stream: Stream, channel: Channel): void {
    const ofId = (id: number) => {
      const state = stream.connections.get(id);
      const ledger = state && this.of(state);
      return ledger && { state, ledger };
    };
    for (const { connection, limit, acknowledged } of credits) {
      const found = ofId(connection);
      if (found === undefined || !found.ledger.outgoing.credit(limit, acknowledged)) continue;
      found.ledger.progressAt = this.now;
      found.ledger.isCredited = true;
      this.ledgers.bind(found.ledger);
      this.#advance(found.state, found.ledger);
    }
    for (const { connection, bytes } of fins) {
      const found = ofId(connection);
      if (found?.ledger.incoming.finish(bytes) !== true) continue;
      this.followUp(found.state);
      channel.sayCredit(found.ledger, this.now);
    }
    for (const reason of reasons) {
      const found = ofId(reason.connection);
      if (found !== undefined) found.ledger.reason = reason;
    }
  }

  /** Why the other end said that a connection ends. */
  reasonOf(state: ConnectionState): Reason | undefined {
    return this.ledgers.get(state.connection.key)?.reason;
  }

  /** Whether the application of a connection has taken all that came. */
  isTaken(state: ConnectionState): boolean {
    const incoming = this.ledgers.get(state.connection.key)?.incoming;
    return incoming !== undefined && incoming.delivered === incoming.received;
  }

  forget(state: ConnectionState): void {
    const ledger = this.ledgers.get(state.connection.key);
    this.#closings.forget(state);
    this.#unmade.forget(state);
    if (ledger === undefined) return;
    this.ledgers.delete(state.connection.key);
    if (state.stream !== undefined) this.#channels.openOf(state.stream)?.forget(ledger);
    ledger.release();
  }

  /**
   * Takes a connection's ledger out, to be suspended with what was not sent.
   * @returns undefined when it cannot be taken up again, or is not to be
   */
  take(state: ConnectionState): Ledger | undefined {
    const { key } = state.connection;
    const ledger = this.ledgers.get(key);
    // One whose end was announced (P97), or has its reset in the queue, is over though the last word did not arrive.
    const isOver = ledger?.reason !== undefined || (state.closed && !this.#closings.has(state));
    if (!ledger?.outgoing.isWhole || isOver) return undefined;
    this.#closings.delete(state);
    this.ledgers.delete(key);
    return ledger;
  }

  /** A connection that was suspended is in a stream again. */
  give(state: ConnectionState, ledger: Ledger, channel: Channel): void {
    this.ledgers.set(ledger);
    if (ledger.closed !== undefined) this.#closings.add(state, ledger);
    ledger.progressAt = this.now;
    ledger.incoming.forgetTold();
    channel.sayCredit(ledger, this.now);
    this.#advance(state, ledger);
  }

  /** A connection is opened anew whose local socket went before. */
  closeOnceOpen(key: number, closed: Closed): void {
    this.#closings.addBefore(key, closed);
  }

  /** Connections whose local socket is gone and of which nothing is acknowledged any more. */
  tick(now: number): void {
    for (const [state, ledger] of this.#closings.due(now)) this.#reset(state, ledger);
  }

  deadline(): number {
    return this.#closings.deadline;
  }

  #openOf(state: ConnectionState): Ledger | undefined {
    const isOpen = state.stream !== undefined && this.#channels.openOf(state.stream) !== undefined;
    return isOpen ? this.of(state) : undefined;
  }

  #tell(state: ConnectionState): void {
    const ledger = this.#openOf(state);
    if (ledger !== undefined && state.stream !== undefined) {
      this.#channels.openOf(state.stream)?.sayCredit(ledger, this.now);
    }
  }

  #handEnd(state: ConnectionState, ledger: Ledger): void {
    ledger.incoming.isEndHanded = true;
    if (!state.closed) this.#exchange.output({ type: "finish", connection: state.connection });
    this.#tell(state);
  }

  /** What follows when everything was sent, or acknowledged. */
  #advance(state: ConnectionState, ledger: Ledger): void {
    const { outgoing } = ledger;
    const channel = state.stream && this.#channels.openOf(state.stream);
    if (channel === undefined || this.#exchange.queue.bytesOf(state.connection.key) > 0) return;
    if (outgoing.hasEnded && !outgoing.isFinTold) {
      outgoing.isFinTold = true;
      channel.sayFin(ledger);
    }
    if (this.#closings.has(state) && outgoing.isDone) this.#reset(state, ledger);
  }

  #reset(state: ConnectionState, ledger: Ledger): void {
    this.#closings.delete(state);
    const why = ledger.closed?.why;
    const channel = state.stream && this.#channels.openOf(state.stream);
    if (why !== undefined) channel?.sayReason({ connection: state.connectionId, why });
    // What cannot be acknowledged any more is not waited for.
    this.#exchange.queue.drop(state.connection.key);
    this.#pushReset(state);
  }

  #pushReset(state: ConnectionState): void {
    this.#exchange.queue.push(state.connection.key, { type: "reset" });
  }
}
