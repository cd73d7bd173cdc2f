import { type Control, Why } from "../../protocol/control.ts";
import { MessageType, makeMessage } from "../../protocol/message.ts";
import type { Exchange } from "../exchange.ts";
import { idsOf } from "../exchange.ts";
import type { Connection } from "../output.ts";
import type { ConnectionState, Stream } from "../stream-table.ts";
import type { Channel } from "./channel.ts";
import { Ledger } from "./ledger.ts";
import type { Session, Strand } from "./session.ts";

/** A connection whose local socket is gone waits so long for the next acknowledgement (P97). */
const CLOSE_MS = 30_000;

/** The ledgers of one engine's connections, and of those that it carried last and that are suspended. */
export class Accounts {
  readonly #isSource: boolean;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #channelOf: (stream: Stream) => Channel | undefined;
  readonly #isAwaited: (stream: Stream) => boolean;
  readonly #ledgers = new Map<number, Ledger>();
  /** Suspended, with their local socket here. */
  readonly #held = new Map<number, Ledger>();
  /** Their local socket is gone, and the other end has not acknowledged all. */
  readonly #closing = new Map<ConnectionState, Ledger>();
  /** Their local socket went before they could be opened anew. */
  readonly #closedBefore = new Map<number, NonNullable<Ledger["closed"]>>();
  /** Streams whose other end is none of ours. */
  readonly #foreign = new WeakSet<Stream>();
  /** Those that credit bounds since this was last asked. */
  #bound: Connection[] = [];
  #now = 0;

  /**
   * @param channelOf the control channel of a stream whose two ends have said HELLO
   * @param isAwaited whether the other end's HELLO is about to come
   */
  constructor(
    side: "source" | "destination",
    session: Session,
    exchange: Exchange,
    channelOf: (stream: Stream) => Channel | undefined,
    isAwaited: (stream: Stream) => boolean,
  ) {
    this.#isSource = side === "source";
    this.#isAwaited = isAwaited;
    this.#session = session;
    this.#exchange = exchange;
    this.#channelOf = channelOf;
  }

  setNow(now: number): void {
    this.#now = now;
  }

  /** Accounts of a connection, which begin when it is on the wire in format 3. */
  of(state: ConnectionState): Ledger | undefined {
    const { stream, connectionId, connection } = state;
    const known = this.#ledgers.get(connection.key);
    if (known !== undefined || stream === undefined || stream.format < 3 || connectionId === 0) return known;
    const ledger = new Ledger(connection, connectionId, this.#session);
    this.#ledgers.set(connection.key, ledger);
    const channel = this.#channelOf(stream);
    const closed = this.#closedBefore.get(connection.key);
    if (closed !== undefined) this.#close(state, ledger, closed.why);
    if (channel !== undefined) {
      this.bind(ledger);
      this.open(state, channel);
    } else if (this.#foreign.has(stream)) ledger.outgoing.forgo();
    else if (this.#isAwaited(stream)) ledger.outgoing.await();
    return ledger;
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

  /** Both ends have said HELLO in the stream of a connection. */
  open(state: ConnectionState, channel: Channel): void {
    const ledger = this.of(state);
    if (ledger === undefined) return;
    ledger.outgoing.open(channel.window);
    channel.sayCredit(ledger, this.#now);
    if (state.closed && !this.#closing.has(state)) return;
    this.#exchange.linger.delete(state);
    if (state.ended && !state.closed) ledger.outgoing.hasEnded = true;
    this.#advance(state, ledger);
  }

  /** The other end of a stream has not said HELLO, though it seemed to be ours: everything is sent. */
  awaitNoMore(stream: Stream): void {
    for (const { connection } of stream.connections.values())
      this.#ledgers.get(connection.key)?.outgoing.awaitNoMore();
  }

  /** Nothing is kept for the connections of a stream whose other end is none of ours. */
  forgo(stream: Stream): void {
    if (this.#foreign.has(stream)) return;
    this.#foreign.add(stream);
    for (const { connection } of stream.connections.values())
      this.#ledgers.get(connection.key)?.outgoing.forgo();
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
    const channel = this.#channelOf(stream);
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
    if (state.closed) channel.sayCredit(ledger, this.#now);
    return true;
  }

  /** What came was put out: an end of file may follow. */
  followUp(state: ConnectionState): void {
    const ledger = this.#ledgers.get(state.connection.key);
    if (ledger?.incoming.isEndDue) this.#handEnd(state, ledger);
  }

  /** Bytes were given to a local socket. */
  handed(key: number, bytes: number): void {
    this.#find(key)?.incoming.hand(bytes);
  }

  /** So many of those have not left it. */
  unread(key: number, bytes: number): void {
    this.#find(key)?.incoming.setUnread(bytes);
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
  closed(state: ConnectionState, why: number | undefined): boolean {
    const ledger = this.#openOf(state);
    if (ledger === undefined || state.stream === undefined) return false;
    if (why !== undefined && why !== Why.Reset) {
      this.#channelOf(state.stream)?.sayReason(state.connectionId, why);
      return false;
    }
    this.#close(state, ledger, why);
    this.#tell(state);
    this.#advance(state, ledger);
    return true;
  }

  #close(state: ConnectionState, ledger: Ledger, why: number | undefined): void {
    this.#closedBefore.delete(state.connection.key);
    ledger.closed = { why };
    ledger.progressAt = this.#now;
    if (why === undefined) ledger.outgoing.hasEnded = true;
    ledger.incoming.discard();
    this.#closing.set(state, ledger);
  }

  /** What a control message says of connections. */
  take({ credits, fins, reasons }: Control, stream: Stream, channel: Channel): void {
    const ofId = (id: number) => {
      const state = stream.connections.get(id);
      const ledger = state && this.of(state);
      return ledger && { state, ledger };
    };
    for (const { connection, limit, acknowledged } of credits) {
      const found = ofId(connection);
      if (found === undefined || !found.ledger.outgoing.credit(limit, acknowledged)) continue;
      found.ledger.progressAt = this.#now;
      this.bind(found.ledger);
      this.#advance(found.state, found.ledger);
    }
    for (const { connection, bytes } of fins) {
      const found = ofId(connection);
      if (found?.ledger.incoming.finish(bytes) !== true) continue;
      this.followUp(found.state);
      channel.sayCredit(found.ledger, this.#now);
    }
    for (const { connection, why } of reasons) {
      const found = ofId(connection);
      if (found !== undefined) found.ledger.reason = why;
    }
  }

  /** Bytes of a connection that may go out now. */
  allowanceOf(key: number): number {
    return this.#ledgers.get(key)?.outgoing.allowance ?? Number.POSITIVE_INFINITY;
  }

  /** Whether credit bounds what waits for its application. */
  isCredited(key: number): boolean {
    return this.#ledgers.get(key)?.incoming.isBound === true;
  }

  /** Why the other end said that a connection ends. */
  reasonOf(state: ConnectionState): number | undefined {
    return this.#ledgers.get(state.connection.key)?.reason;
  }

  /** Whether the application of a connection has taken all that came. */
  isTaken(state: ConnectionState): boolean {
    const incoming = this.#ledgers.get(state.connection.key)?.incoming;
    return incoming !== undefined && incoming.delivered === incoming.received;
  }

  forget(state: ConnectionState): void {
    const ledger = this.#ledgers.get(state.connection.key);
    this.#closing.delete(state);
    this.#closedBefore.delete(state.connection.key);
    if (ledger === undefined) return;
    this.#ledgers.delete(state.connection.key);
    if (state.stream !== undefined) this.#channelOf(state.stream)?.forget(ledger);
    ledger.release();
  }

  /** Takes what can be taken up again out of a stream, and holds it. */
  suspend(stream: Stream, strand: Strand): void {
    for (const state of [...stream.connections.values()]) {
      const { connection } = state;
      const ledger = this.#ledgers.get(connection.key);
      // Its end was announced (P97), though it did not come.
      if (ledger?.reason !== undefined) continue;
      // One that is closed and does not wait for anything has its reset in the queue.
      if (!ledger?.outgoing.isWhole || (state.closed && !this.#closing.has(state))) continue;
      this.#hold(state, ledger, strand);
    }
    // Accepted, and not on the wire yet: under ids that the other end has never heard of they are opened anew.
    for (const state of [...this.#exchange.table.connections.values()]) {
      const { connection } = state;
      if (state.stream !== undefined || connection.serviceId !== strand.serviceId || state.closed) continue;
      const ledger = new Ledger(connection, strand.nextConnectionId++, this.#session);
      ledger.outgoing.hasEnded = state.ended;
      this.#hold(state, ledger, strand);
    }
  }

  #hold(state: ConnectionState, ledger: Ledger, strand: Strand): void {
    const { connection } = state;
    ledger.pending = this.#exchange.queue.dataOf(connection.key);
    this.#closing.delete(state);
    this.#ledgers.delete(connection.key);
    this.#held.set(connection.key, ledger);
    strand.ledgers.set(ledger.connectionId, ledger);
    this.#exchange.forget(state);
    if (ledger.closed === undefined) this.#exchange.output({ type: "hold", connection });
  }

  /** Another engine carries them on. */
  release(strand: Strand): void {
    for (const { connection } of strand.ledgers.values()) {
      this.#held.delete(connection.key);
      this.#exchange.sockets.delete(connection.key);
    }
  }

  /** Carries a suspended connection on. @returns false when its counts do not fit */
  adopt(ledger: Ledger, channel: Channel, received: number): boolean {
    const again = ledger.outgoing.rewind(received);
    if (again === undefined) return false;
    const { connection, connectionId, outgoing, incoming, closed } = ledger;
    const { table, queue, sockets } = this.#exchange;
    const state = table.adopt(connection);
    table.join(state, channel.stream, connectionId);
    state.sentBytes = received;
    if (incoming.received > 0) state.lastReceivedAt = this.#now;
    state.ended = outgoing.hasEnded || closed !== undefined;
    state.closed = closed !== undefined;
    this.#ledgers.set(connection.key, ledger);
    for (const bytes of [...again, ...ledger.pending]) queue.push(connection.key, { type: "data", bytes });
    ledger.pending = [];
    ledger.progressAt = this.#now;
    incoming.forgetTold();
    channel.sayCredit(ledger, this.#now);
    if (closed === undefined) {
      sockets.add(connection.key);
      this.#exchange.output({ type: "adopt", connection, unreadBytes: incoming.unreadBytes });
    } else this.#closing.set(state, ledger);
    this.#advance(state, ledger);
    return true;
  }

  /** Opens a connection again that the other end has never heard of. @returns false when its bytes are not kept */
  openAnew(ledger: Ledger): boolean {
    const again = ledger.outgoing.rewind(0);
    if (again === undefined) return false;
    const { connection, outgoing, closed, pending } = ledger;
    const { table, queue, sockets } = this.#exchange;
    const state = table.adopt(connection);
    state.ended = outgoing.hasEnded || closed !== undefined;
    state.closed = closed !== undefined;
    queue.push(connection.key, { type: "start" });
    for (const bytes of [...again, ...pending]) queue.push(connection.key, { type: "data", bytes });
    ledger.release();
    if (closed === undefined) {
      sockets.add(connection.key);
      this.#exchange.output({ type: "adopt", connection, unreadBytes: 0 });
    } else this.#closedBefore.set(connection.key, closed);
    return true;
  }

  /** Of a suspended connection: bytes of its application. @returns whether it is one */
  heldData(key: number, bytes: Uint8Array): boolean {
    return this.#withHeld(key, (ledger) => ledger.pending.push(bytes));
  }

  heldEnded(key: number): boolean {
    return this.#withHeld(key, ({ outgoing }) => {
      outgoing.hasEnded = true;
    });
  }

  heldClosed(key: number, why: number | undefined): boolean {
    return this.#withHeld(key, (ledger) => {
      ledger.closed = { why: why === undefined ? undefined : Why.Reset };
      if (why === undefined) ledger.outgoing.hasEnded = true;
      ledger.incoming.discard();
    });
  }

  /** Connections whose local socket is gone and of which nothing is acknowledged any more. */
  tick(now: number): void {
    for (const [state, ledger] of this.#closing)
      if (ledger.progressAt + CLOSE_MS <= now) this.#reset(state, ledger);
  }

  deadline(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { progressAt } of this.#closing.values()) first = Math.min(first, progressAt + CLOSE_MS);
    return first;
  }

  /** Backlog of connections whose credit is used up: it waits for their own applications alone. */
  get blockedBacklog(): number {
    let sum = 0;
    for (const [key, { outgoing }] of this.#ledgers)
      if (outgoing.allowance === 0) sum += this.#exchange.queue.bytesOf(key);
    return sum;
  }

  #find(key: number): Ledger | undefined {
    return this.#ledgers.get(key) ?? this.#held.get(key);
  }

  #openOf(state: ConnectionState): Ledger | undefined {
    const isOpen = state.stream !== undefined && this.#channelOf(state.stream) !== undefined;
    return isOpen ? this.of(state) : undefined;
  }

  #withHeld(key: number, change: (ledger: Ledger) => void): boolean {
    const ledger = this.#held.get(key);
    if (ledger !== undefined) change(ledger);
    return ledger !== undefined;
  }

  #tell(state: ConnectionState): void {
    const ledger = this.#openOf(state);
    if (ledger !== undefined && state.stream !== undefined)
      this.#channelOf(state.stream)?.sayCredit(ledger, this.#now);
  }

  #handEnd(state: ConnectionState, ledger: Ledger): void {
    ledger.incoming.isEndHanded = true;
    if (!state.closed) this.#exchange.output({ type: "finish", connection: state.connection });
    this.#tell(state);
  }

  /** What follows when everything was sent, or acknowledged. */
  #advance(state: ConnectionState, ledger: Ledger): void {
    const { outgoing } = ledger;
    const channel = state.stream && this.#channelOf(state.stream);
    if (channel === undefined || this.#exchange.queue.bytesOf(state.connection.key) > 0) return;
    if (outgoing.hasEnded && !outgoing.isFinTold) {
      outgoing.isFinTold = true;
      channel.sayFin(ledger);
    }
    if (this.#closing.has(state) && outgoing.isDone) this.#reset(state, ledger);
  }

  #reset(state: ConnectionState, ledger: Ledger): void {
    this.#closing.delete(state);
    const why = ledger.closed?.why;
    const channel = state.stream && this.#channelOf(state.stream);
    if (why !== undefined) channel?.sayReason(state.connectionId, why);
    // What cannot be acknowledged any more is not waited for.
    this.#exchange.queue.drop(state.connection.key);
    this.#exchange.queue.push(state.connection.key, { type: "reset" });
  }
}
