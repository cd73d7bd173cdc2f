import {
  CONTROL_CONNECTION_ID,
  CONTROL_VERSION,
  type Control,
  decodeControl,
  type Hello,
  isControl,
  type Position,
  type Resumed,
  Why,
} from "../../protocol/control.ts";
import { type Message, MessageType, makeMessage } from "../../protocol/message.ts";
import type { ContinuityHooks } from "../continuity-hooks.ts";
import { type Exchange, idsOf } from "../exchange.ts";
import { isOurs } from "../pacing.ts";
import type { ConnectionState, Stream } from "../stream-table.ts";
import { Accounts } from "./accounts.ts";
import { Channel } from "./channel.ts";
import { Held } from "./held.ts";
import { FIRST_BYTES } from "./outgoing.ts";
import { whyOf } from "./reasons.ts";
import { Resumption } from "./resumption.ts";
import type { Session } from "./session.ts";
import { type Holder, isSameId, type Strand } from "./strand.ts";
import { Strands } from "./strands.ts";

/** A peer that seems to be ours is sent little until its HELLO, for so long at most: else much would come without credit. */
const AWAIT_MS = 1_000;
/** Connections that one RESUME can name, whatever they have carried; of more, the youngest are lost. */
const MAX_RESUMED = 4_000;
/** A source that has not answered our HELLO after this is none of ours: nothing is kept for it. */
const FOREIGN_MS = 5_000;

/**
 * What one WebSocket's engine adds where both ends are ours (P90 to P104): it speaks on the control channel of each
 * stream, keeps the accounts of connections, and hands them to the process's session when their stream is lost.
 */
export class Continuity implements Holder, ContinuityHooks {
  readonly accounts: Accounts;
  readonly held: Held;
  readonly #side: "source" | "destination";
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #channels = new Map<Stream, Channel>();
  readonly #resumption: Resumption;
  readonly #strands: Strands;
  /** Streams whose other end seems to be ours, and how long its HELLO is waited for. */
  readonly #awaited = new Map<Stream, number>();
  /** Source: the destination is ours. */
  #hasMet = false;
  #now = 0;

  constructor(side: "source" | "destination", session: Session, exchange: Exchange) {
    this.#side = side;
    this.#session = session;
    this.#exchange = exchange;
    this.accounts = new Accounts(
      side,
      session,
      exchange,
      (stream) => this.#openChannelOf(stream),
      (stream) => this.#awaited.has(stream),
    );
    this.held = new Held(session, exchange, this.accounts);
    this.#strands = new Strands(side, session, exchange, this.accounts, this.held);
    this.#resumption = new Resumption(session, exchange, {
      lose: (strand, why) => this.#lose(strand, why),
      forget: (stream) => void this.#channels.delete(stream),
    });
  }

  /** The time of what follows. */
  setNow(now: number): void {
    this.#now = now;
    this.accounts.now = now;
  }

  /** The services are known: what waits in them is taken up. */
  ready(services: Iterable<string>): void {
    const { format = 3 } = this.#exchange.options;
    if (this.#side === "destination" || format !== 3) return;
    for (const serviceId of services) {
      const strand = this.#session.ofService(serviceId);
      if (strand !== undefined) this.#resumption.attempts.add(strand, this.#now, true);
    }
  }

  /** The last measured round trip from end to end, the longest of the services', in milliseconds. */
  get roundTripMs(): number | undefined {
    const times = [...this.#channels.values()].flatMap(({ roundTripMs }) => roundTripMs ?? []);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  /** Source: whether no connection of a service may be opened yet (P100). */
  holdsStarts(serviceId: string): boolean {
    return this.#resumption.attempts.has(serviceId);
  }

  /** Source: a connection was opened on the wire. */
  connectionStarted(state: ConnectionState): void {
    const { stream } = state;
    const isFirst = stream !== undefined && stream.connections.size === 1 && !this.#channels.has(stream);
    if (isFirst && this.#hasMet) this.#awaited.set(stream, this.#now + AWAIT_MS);
    this.accounts.of(state);
  }

  /** Destination: a stream was started. @returns whether for its control channel alone */
  streamStarted(stream: Stream, connectionId: number): boolean {
    if (stream.format !== 3 || !isOurs(stream.streamId)) return false;
    const channel = new Channel(stream);
    channel.helloAt = this.#now;
    channel.sayHello(this.#hello(this.#session.options.id));
    this.#channels.set(stream, channel);
    this.#awaited.set(stream, this.#now + AWAIT_MS);
    return connectionId === CONTROL_CONNECTION_ID;
  }

  /** @returns whether a message about no connection was one of the control channel */
  onControl(message: Message): boolean {
    if (message.connectionId !== CONTROL_CONNECTION_ID) return false;
    const stream = this.#exchange.table.byStreamId(message.streamId);
    if (stream === undefined || stream.format !== 3) return false;
    const control = decodeControl(message.payload);
    if (control === undefined) {
      if (!isControl(message.payload)) this.#resumption.onForeign(stream);
      this.#complain(stream, message);
    } else this.#take(control, stream);
    return true;
  }

  /** The next control message, if anything is to be said. */
  nextMessage(now: number): Message | undefined {
    for (const channel of this.#channels.values()) {
      if (!channel.isDue) continue;
      const { stream } = channel;
      const ids = idsOf(stream, CONTROL_CONNECTION_ID);
      return makeMessage({ type: MessageType.Data, payload: channel.next(now), ...ids });
    }
    return undefined;
  }

  get hasMessage(): boolean {
    for (const channel of this.#channels.values()) if (channel.isDue) return true;
    return false;
  }

  /** How the local socket of a connection ends, by what the other end said of it (P97). */
  endOf(state: ConnectionState, why: string, how: "end" | "reset") {
    const reason = this.accounts.reasonOf(state);
    const words = whyOf(reason);
    const isReset = reason === Why.Reset && this.accounts.isTaken(state);
    return { why: words === undefined ? why : `${why}: ${words}`, how: isReset ? ("reset" as const) : how };
  }

  /** A stream is over: its connections are suspended where both ends have said HELLO; the others stay in it. */
  suspend(stream: Stream): void {
    const channel = this.#channels.get(stream);
    this.#channels.delete(stream);
    this.#awaited.delete(stream);
    const attempt = this.#resumption.attempts.of(stream);
    if (attempt !== undefined) return this.#resumption.onNobody(attempt, this.#now);
    const strand = channel?.strand;
    // One that is only being taken up is suspended still, and its sockets are elsewhere.
    if (strand === undefined || this.#session.isSuspended(strand)) return;
    strand.holder = this;
    strand.suspendedAt = this.#now;
    strand.nextConnectionId = stream.nextConnectionId;
    if (this.#session.options.resumeTimeoutMs > 0) this.held.suspend(stream, strand);
    if (strand.ledgers.size === 0) {
      return this.#side === "source" ? this.#session.retire(strand) : this.#session.forget(strand);
    }
    if (!this.#session.suspend(strand)) return this.#lose(strand, "too many connections are suspended");
    const { serviceId, ledgers } = strand;
    this.#exchange.event({ type: "held", serviceId, connections: ledgers.size });
    if (this.#side === "source") this.#resumption.attempts.add(strand, this.#now, false);
  }

  /** The WebSocket is over. */
  suspendAll(): void {
    this.#resumption.attempts.clear();
    for (const stream of this.#exchange.table.streams) {
      this.suspend(stream);
      this.#resumption.attempts.clear();
    }
    // The others end with it; what they had of the session's memory is free again.
    for (const state of [...this.#exchange.table.connections.values()]) this.#exchange.forget(state);
  }

  /** What is suspended and was carried here last is given up. */
  abandon(why: string): void {
    for (const strand of this.#strands.of(this)) this.#lose(strand, why);
  }

  release(strand: Strand): void {
    this.held.release(strand);
  }

  detach(strand: Strand): void {
    for (const { stream, strand: own } of this.#channels.values()) {
      if (own === strand) this.#exchange.endStream(stream, "the source went on elsewhere", "reset");
    }
  }

  tick(now: number): void {
    this.setNow(now);
    this.accounts.tick(now);
    for (const channel of this.#channels.values()) channel.tick(now);
    for (const [stream, until] of this.#awaited) if (until <= now) this.#awaitNoMore(stream);
    for (const strand of this.#strands.of(this)) {
      if (this.#strands.expiryOf(strand) <= now) this.#lose(strand, "the other side did not come back");
    }
    for (const { stream, strand, helloAt } of this.#channels.values()) {
      if (strand === undefined && helloAt !== undefined && helloAt + FOREIGN_MS <= now) {
        this.accounts.forgo(stream);
      }
    }
    this.#resumption.tick(now);
  }

  deadline(): number {
    const expiries = this.#strands.of(this).map((strand) => this.#strands.expiryOf(strand));
    const channels = [...this.#channels.values()].map(({ deadline }) => deadline ?? Number.POSITIVE_INFINITY);
    const awaited = this.#awaited.values();
    return Math.min(
      ...awaited,
      this.#resumption.attempts.deadline,
      this.accounts.deadline(),
      ...expiries,
      ...channels,
    );
  }

  #awaitNoMore(stream: Stream): void {
    this.#awaited.delete(stream);
    this.accounts.awaitNoMore(stream);
  }

  #lose(strand: Strand, why: string): void {
    this.#resumption.attempts.delete(strand.serviceId);
    this.#strands.lose(strand, why);
  }

  #openChannelOf(stream: Stream): Channel | undefined {
    const channel = this.#channels.get(stream);
    return channel?.strand === undefined ? undefined : channel;
  }

  #hello(session: Uint8Array): Hello {
    return { version: CONTROL_VERSION, features: 0, session, window: FIRST_BYTES, required: 0 };
  }

  /** Told once a stream: a peer may say it a thousand times. */
  #complain(stream: Stream, message: Message): void {
    const channel = this.#channels.get(stream);
    if (channel?.hasComplained) return;
    if (channel !== undefined) channel.hasComplained = true;
    this.#exchange.dropped(message, "no control message");
  }

  #take(control: Control, stream: Stream): void {
    let channel = this.#channels.get(stream);
    if (channel === undefined && this.#side === "source" && control.hello !== undefined) {
      channel = new Channel(stream);
      this.#channels.set(stream, channel);
    }
    if (channel === undefined) return;
    const { hello, resumed } = control;
    if (hello !== undefined && channel.strand === undefined && hello.required === 0) {
      this.#onHello(channel, hello, control.resume);
    }
    if (channel.strand === undefined) return;
    if (resumed !== undefined) this.#onResumed(channel, resumed);
    if (control.probe > 0) channel.sayAnswer(control.probe);
    if (control.answer > 0) channel.answered(control.answer, this.#now);
    this.accounts.hear(control, stream, channel);
  }

  #onHello(channel: Channel, hello: Hello, resume: readonly Position[] | undefined): void {
    channel.window = hello.window;
    this.#hasMet = true;
    this.#awaited.delete(channel.stream);
    if (this.#side === "destination") this.#onSourceHello(channel, hello, resume);
    else this.#onDestinationHello(channel, hello);
  }

  /** The source's session id names its connections of this service. */
  #onSourceHello(channel: Channel, { session: id }: Hello, resume: readonly Position[] | undefined): void {
    const { stream } = channel;
    channel.roundTripMs = this.#now - (channel.helloAt ?? this.#now);
    const carried = this.#session.carried(id);
    if (carried !== undefined) carried.holder.detach(carried);
    const old = this.#session.find(id);
    const isKnown = old !== undefined && old.serviceId === stream.serviceId;
    if (isKnown) this.#session.forget(old);
    this.#open(channel, this.#newStrand(id, this.#session.options.id, stream));
    if (isKnown) {
      const positions = this.#strands.adopt(channel, old, resume ?? []);
      channel.sayResumed({ positions, next: old.nextConnectionId });
    } else if (resume !== undefined) channel.sayResumed({ positions: undefined, next: 0 });
  }

  #onDestinationHello(channel: Channel, { session: process }: Hello): void {
    const { stream } = channel;
    const attempt = this.#resumption.attempts.of(stream);
    if (attempt !== undefined && isSameId(attempt.strand.process, process)) {
      this.#resumption.attempts.asked(attempt, stream, this.#now);
      channel.strand = attempt.strand;
      channel.sayHello(this.#hello(attempt.strand.id));
      const ledgers = [...attempt.strand.ledgers.values()].slice(0, MAX_RESUMED);
      return channel.sayResume(
        ledgers.map(({ connectionId, incoming }) => ({
          connection: connectionId,
          received: incoming.received,
        })),
      );
    }
    if (attempt !== undefined) this.#lose(attempt.strand, "the other side was started again");
    const retired = this.#session.takeRetired(stream.serviceId);
    const isSame = retired !== undefined && isSameId(retired.process, process);
    const strand = this.#newStrand(isSame ? retired.id : this.#session.options.newId(), process, stream);
    channel.sayHello(this.#hello(strand.id));
    // What ended without the destination's knowledge ends there now.
    if (isSame) channel.sayResume([]);
    this.#open(channel, strand);
  }

  #newStrand(id: Uint8Array, process: Uint8Array, { serviceId }: Stream): Strand {
    const strand: Strand = {
      id,
      process,
      serviceId,
      ledgers: new Map(),
      nextConnectionId: 1,
      suspendedAt: 0,
      holder: this,
    };
    this.#session.carry(strand);
    return strand;
  }

  /** Both have said HELLO: what runs already goes on under credit. */
  #open(channel: Channel, strand: Strand): void {
    const states = [...channel.stream.connections.values()];
    for (const state of states) {
      const ledger = this.accounts.of(state);
      // What the source sends from here on knows our window; a destination hears of it later.
      if (this.#side === "destination" && ledger !== undefined) this.accounts.bind(ledger);
    }
    channel.strand = strand;
    for (const state of states) this.accounts.open(state, channel);
  }

  /** Source: the destination tells what it still has. */
  #onResumed(channel: Channel, { positions, next }: Resumed): void {
    const attempt = this.#resumption.attempts.of(channel.stream);
    if (attempt === undefined) return;
    const { strand } = attempt;
    this.#resumption.attempts.delete(strand.serviceId);
    this.#strands.adopt(channel, strand, positions ?? [], positions === undefined ? undefined : next);
    strand.holder = this;
    this.#session.carry(strand);
  }
}
