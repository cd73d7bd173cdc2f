import { CONTROL_CONNECTION_ID, type Control, isControl, Why } from "../../protocol/control.ts";
import { decodeControl } from "../../protocol/control-reader.ts";
import { type Message, MessageType, makeMessage } from "../../protocol/message.ts";
import type { ContinuityHooks } from "../continuity-hooks.ts";
import { type Exchange, idsOf } from "../exchange.ts";
import type { HelloFate } from "../output.ts";
import { isOurs } from "../pacing.ts";
import type { ConnectionState, Stream } from "../stream-table.ts";
import { Accounts } from "./accounts.ts";
import { Channels } from "./channels.ts";
import { Handshake } from "./handshake.ts";
import { Held } from "./held.ts";
import { Pings } from "./pings.ts";
import { whyOf } from "./reasons.ts";
import { Resumption } from "./resumption.ts";
import type { Session } from "./session.ts";
import type { Holder, Strand } from "./strand.ts";
import { Strands } from "./strands.ts";

/**
 * What one WebSocket's engine adds where both ends are ours (P90 to P107): it speaks on the control channel of each
 * stream, keeps the accounts of connections, and hands them to the process's session when their stream is lost.
 */
export class Continuity implements Holder, ContinuityHooks {
  readonly accounts: Accounts;
  readonly held: Held;
  readonly #pings: Pings;
  readonly #side: "source" | "destination";
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #channels = new Channels();
  readonly #resumption: Resumption;
  readonly #strands: Strands;
  readonly #handshake: Handshake;
  /** Streams in which something came that is no control message, whether they have a channel or not. */
  readonly #complained = new WeakSet<Stream>();

  constructor(side: "source" | "destination", session: Session, exchange: Exchange) {
    this.#side = side;
    this.#session = session;
    this.#exchange = exchange;
    this.accounts = new Accounts(side, session, exchange, this.#channels);
    this.held = new Held(exchange, this.accounts);
    this.#strands = new Strands(side, session, exchange, this.accounts, this.held);
    this.#resumption = new Resumption(session, exchange, this.#channels, this.#strands);
    this.#pings = new Pings(exchange, this.#channels);
    const parts = { accounts: this.accounts, channels: this.#channels, strands: this.#strands };
    this.#handshake = new Handshake(side, session, { ...parts, resumption: this.#resumption }, this);
  }

  /** The time of what follows. */
  setNow(now: number): void {
    this.accounts.now = now;
  }

  /** The services are known: what waits in them is taken up. */
  ready(services: Iterable<string>): void {
    const { format = 3 } = this.#exchange.options;
    if (this.#side === "destination" || format !== 3) return;
    for (const serviceId of services) {
      const strand = this.#session.ofService(serviceId);
      if (strand !== undefined) this.#resumption.attempts.add(strand, this.accounts.now, true);
    }
  }

  /** The last measured round trip from end to end, the longest of the services', in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#channels.roundTripMs;
  }

  helloFate(now: number): HelloFate | undefined {
    return this.#handshake.fateOf(now);
  }

  /** Source: asks for the round trip to the other end of a service; see Pings. */
  ping(serviceId: string, isLoaded: boolean): void {
    this.#pings.ask(serviceId, { isLoaded, isStarting: this.holdsStarts(serviceId) }, this.accounts.now);
  }

  /** Bytes for nothing, when nothing else is to be sent. */
  nextLoad(maxBytes: number, now: number): Message | undefined {
    return this.#pings.nextLoad(maxBytes, now);
  }

  /** Source: whether no connection of a service may be opened yet (P100). */
  holdsStarts(serviceId: string): boolean {
    return this.#resumption.attempts.has(serviceId);
  }

  /** Source: a connection was opened on the wire. */
  connectionStarted(state: ConnectionState): void {
    const { stream } = state;
    const isFirst =
      stream !== undefined && stream.connections.size === 1 && this.#channels.get(stream) === undefined;
    if (isFirst && this.#handshake.hasMet) this.#channels.awaitHello(stream, this.accounts.now);
    this.accounts.of(state);
  }

  /**
   * Destination: a stream was started. A control message names the service that the start named; there is a client that
   * does not survive a message without one, so that where the start named none nothing is said.
   * @returns whether for its control channel alone
   */
  streamStarted(stream: Stream, connectionId: number): boolean {
    if (stream.format !== 3 || stream.serviceId === "" || !isOurs(stream.streamId)) return false;
    this.#handshake.begin(stream);
    return connectionId === CONTROL_CONNECTION_ID;
  }

  isControlOf(stream: Stream, connectionId: number): boolean {
    return connectionId === CONTROL_CONNECTION_ID && this.#channels.openOf(stream) !== undefined;
  }

  /** @returns whether a message about no connection was one of the control channel */
  onControl(message: Message): boolean {
    if (message.connectionId !== CONTROL_CONNECTION_ID) return false;
    const stream = this.#exchange.table.byStreamId(message.streamId);
    if (stream === undefined || stream.format !== 3) return false;
    const control = decodeControl(message.payload);
    if (control === undefined) {
      if (!isControl(message.payload)) {
        this.#pings.foreign(stream);
        this.#resumption.onForeign(stream);
      }
      this.#complain(stream, message);
    } else this.#take(control, stream, message);
    return true;
  }

  /** The next control message, if anything is to be said. */
  nextMessage(now: number): Message | undefined {
    const channel = this.#channels.due;
    if (channel === undefined) return undefined;
    const ids = idsOf(channel.stream, CONTROL_CONNECTION_ID);
    return makeMessage({ type: MessageType.Data, payload: channel.next(now), ...ids });
  }

  get hasMessage(): boolean {
    return this.#channels.due !== undefined;
  }

  /** How the local socket of a connection ends, by what the other end said of it (P97). */
  endOf(state: ConnectionState, why: string, how: "end" | "reset") {
    const reason = this.accounts.reasonOf(state);
    const words = reason && whyOf(reason);
    const isReset = reason?.why === Why.Reset && this.accounts.isTaken(state);
    return { why: words === undefined ? why : `${why}: ${words}`, how: isReset ? ("reset" as const) : how };
  }

  /** A stream is over: its connections are suspended where both ends have said HELLO; the others stay in it. */
  suspend(stream: Stream): void {
    const channel = this.#channels.get(stream);
    this.#channels.delete(stream);
    this.#pings.over(stream);
    const attempt = this.#resumption.attempts.of(stream);
    if (attempt !== undefined) return this.#resumption.onNobody(attempt, this.accounts.now);
    const strand = channel?.strand;
    // One that is only being taken up is suspended still, and its sockets are elsewhere.
    if (strand === undefined || this.#session.isSuspended(strand)) return;
    strand.holder = this;
    strand.suspendedAt = this.accounts.now;
    strand.nextConnectionId = stream.nextConnectionId;
    if (this.#session.options.resumeTimeoutMs > 0) this.held.suspend(stream, strand);
    if (strand.ledgers.size === 0) {
      return this.#side === "source" ? this.#session.retire(strand) : this.#session.forget(strand);
    }
    if (!this.#session.suspend(strand)) {
      return this.#resumption.lose(strand, "too many connections are suspended");
    }
    const { serviceId, ledgers } = strand;
    this.#exchange.event({ type: "held", serviceId, connections: ledgers.size });
    if (this.#side === "source") this.#resumption.attempts.add(strand, this.accounts.now, false);
  }

  /** The WebSocket is over. */
  suspendAll(): void {
    this.#resumption.attempts.clear();
    for (const stream of this.#exchange.table.streams) {
      this.suspend(stream);
      this.#resumption.attempts.clear();
    }
    this.#forgetConnections();
  }

  /** The WebSocket was ended in good order: nothing of it is waited for, or stays in the session. */
  close(): void {
    for (const stream of this.#exchange.table.streams) {
      const strand = this.#channels.get(stream)?.strand;
      if (strand !== undefined && !this.#session.isSuspended(strand)) this.#session.forget(strand);
    }
    this.#forgetConnections();
  }

  /** They end with the WebSocket; what they had of the session's memory is free again. */
  #forgetConnections(): void {
    for (const state of [...this.#exchange.table.connections.values()]) this.#exchange.forget(state);
  }

  /** What is suspended and was carried here last is given up, and no load is sent any more. */
  abandon(why: string): void {
    this.#pings.unload();
    for (const strand of this.#strands.of(this)) this.#resumption.lose(strand, why);
  }

  release(strand: Strand): void {
    this.held.release(strand);
  }

  detach(strand: Strand): void {
    for (const { stream } of this.#channels.of(strand)) {
      this.#exchange.endStream(stream, "the source went on elsewhere", "reset");
    }
  }

  tick(now: number): void {
    this.setNow(now);
    this.accounts.tick(now);
    this.#channels.tick(now);
    this.#pings.tick(now);
    for (const stream of this.#channels.overdue(now)) this.accounts.awaitNoMore(stream);
    for (const strand of this.#strands.of(this)) {
      if (this.#strands.expiryOf(strand) <= now) {
        this.#resumption.lose(strand, "the other side did not come back");
      }
    }
    for (const stream of this.#channels.foreign(now)) this.accounts.forgo(stream);
    this.#resumption.tick(now);
  }

  deadline(): number {
    const expiries = this.#strands.of(this).map((strand) => this.#strands.expiryOf(strand));
    return Math.min(
      this.#resumption.attempts.deadline,
      this.accounts.deadline(),
      this.#channels.deadline,
      this.#pings.deadline,
      ...expiries,
    );
  }

  /** Told once a stream: a peer may say it a thousand times. */
  #complain(stream: Stream, message: Message): void {
    if (this.#complained.has(stream)) return;
    this.#complained.add(stream);
    this.#exchange.dropped(message, "no control message");
  }

  #take(control: Control, stream: Stream, message: Message): void {
    let channel = this.#channels.get(stream);
    if (channel === undefined && this.#side === "source" && control.hello !== undefined) {
      channel = this.#channels.add(stream);
    }
    if (channel === undefined) return;
    const { hello, resumed } = control;
    if (hello !== undefined && channel.strand === undefined && hello.required === 0) {
      if (this.#handshake.isTaken(hello, stream)) {
        this.#handshake.refuse(stream);
        return this.#exchange.dropped(message, "its session id is that of another service");
      }
      this.#handshake.onHello(channel, hello, control.resume);
      if (channel.strand !== undefined) this.#pings.opened(channel, this.accounts.now);
    }
    if (channel.strand === undefined) return;
    if (resumed !== undefined) this.#handshake.onResumed(channel, resumed);
    if (control.probe > 0) channel.sayAnswer(control.probe);
    const afterMs = channel.answered(control.answer, this.accounts.now);
    if (control.answer > 0) this.#handshake.answered();
    if (afterMs !== undefined) this.#pings.answered(channel, afterMs, this.accounts.now);
    this.accounts.hear(control, stream, channel);
  }
}
