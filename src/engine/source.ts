import { MAX_PAYLOAD_BYTES } from "../protocol/constants.ts";
import { type Message, MessageType, makeMessage } from "../protocol/message.ts";
import { ChainGuard } from "./chain-guard.ts";
import { type Exchange, idsOf } from "./exchange.ts";
import type { Item } from "./fair-queue.ts";
import type { Connection, Format } from "./output.ts";
import { newStreamId } from "./pacing.ts";
import type { ConnectionState, Stream } from "./stream-table.ts";

/** Until the destination has said something, for this long at most, only one connection is opened (P42). */
export const HOLD_MS = 1_000;
/** … and only this much of it is sent, since an older peer may make us start again (P42). */
const HOLD_BYTES = 16 * 1024;
/** Silence after which a person is told which flag to try (P43). */
const SILENCE_MS = 5_000;
/** A stream reset this soon after something of ours may be its answer (P45). */
const ANSWER_MS = 1_000;
/** A reset that a lost peer explains as well as an older one proves nothing until it has come so often (P45). */
const SUSPICIONS = 2;
/** How long a connection may wait for the only one that an older peer carries (P44). */
const WAIT_MS = 10_000;
/** … and how many may wait. */
const MAX_WAITING = 128;

/** Connection that a stream begins with, and that an older peer takes for the whole of it (P24). */
const FIRST_CONNECTION_ID = 1;

/** What the source knows of the destination's format. */
type Peer =
  /** Told by the user. */
  | { readonly type: "given"; readonly format: Format }
  /** Nothing yet: format 3 is spoken, and until `holdUntil` only what every format understands (P42). */
  | { readonly type: "open"; readonly holdUntil: number | undefined }
  /** It gave back the connection id of its stream; an older peer that echoes ids does so too. */
  | { readonly type: "likely" }
  /** It named a connection that only format 3 has. */
  | { readonly type: "proven" }
  /** Evidence showed an older one: format 2 is spoken. */
  | { readonly type: "older" };

/** The source side: accepted connections become streams and connections of the tunnel. */
export class Source {
  readonly peer = "destination";
  readonly #exchange: Exchange;
  readonly #chain = new ChainGuard();
  #destination: Peer;
  /** Stream resets in a row that an older peer would explain, and a lost one too. */
  #suspicions = 0;
  /** When the first stream was started, until anything came or the silence was told (P43). */
  #silence: "unstarted" | "over" | number = "unstarted";
  /** Connections not yet opened on the wire, with the moment at which they are given up. */
  readonly #unstarted = new Map<ConnectionState, number>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    const { format } = exchange.options;
    this.#destination =
      format === undefined ? { type: "open", holdUntil: undefined } : { type: "given", format };
  }

  /** @returns undefined when it is refused, which an event tells */
  accept(serviceId: string, now: number): Connection | undefined {
    const isWaitFull = this.#format < 3 && this.#unstarted.size >= MAX_WAITING;
    const why = this.#exchange.isFull || isWaitFull ? "too many connections" : this.#chain.refusal(serviceId);
    if (why !== undefined) {
      this.#exchange.event({ type: "refused", serviceId, why });
      return undefined;
    }
    const state = this.#exchange.addConnection(serviceId);
    this.#chain.accepted(state, now);
    this.#unstarted.set(state, now + WAIT_MS);
    this.#exchange.queue.push(state.connection.key, { type: "start" });
    return state.connection;
  }

  onMessage(message: Message, now: number): void {
    const serviceId = this.#exchange.serviceOf(message);
    const stream = serviceId === undefined ? undefined : this.#exchange.table.of(serviceId);
    if (stream === undefined || stream.streamId !== message.streamId) {
      return this.#exchange.dropped(message, "stale stream");
    }
    this.#silence = "over";
    this.#endHold();
    if (message.type === MessageType.StreamReset) return this.#onStreamReset(message, stream, now);
    this.#learnFormat(message, stream, now);
    const state = connectionOf(stream, message);
    if (message.type === MessageType.Data) this.#exchange.onData(message, state, now);
    else if (state !== undefined) this.#exchange.closeLocal(state, "closed by the destination");
  }

  startMessage(state: ConnectionState, now: number): Message {
    this.#unstarted.delete(state);
    const { table } = this.#exchange;
    const { serviceId } = state.connection;
    const active = table.of(serviceId);
    const open = active !== undefined && this.#takesMore(active) ? active : undefined;
    const stream = open ?? table.start(serviceId, newStreamId(this.#exchange.options.random()), this.#format);
    table.join(state, stream, this.#format === 3 ? stream.nextConnectionId : 0);
    if (open !== undefined) stream.lastStartAt = now;
    else this.#hold(now + HOLD_MS);
    if (this.#silence === "unstarted") this.#silence = now;
    const type = open === undefined ? MessageType.StreamStart : MessageType.ConnectionStart;
    return makeMessage({ type, ...idsOf(stream, state.connectionId) });
  }

  mayTake(state: ConnectionState, item: Item): boolean {
    if (item.type === "start") {
      if (this.#isHolding || !this.#chain.mayStart(state)) return false;
      const stream = this.#exchange.table.of(state.connection.serviceId);
      return stream === undefined || this.#takesMore(stream) || stream.connections.size === 0;
    }
    if (item.type !== "data" || !this.#isHolding) return true;
    return state.sentBytes + Math.min(item.bytes.length, HOLD_BYTES) <= HOLD_BYTES;
  }

  get maxPayloadBytes(): number {
    return this.#isHolding ? HOLD_BYTES : MAX_PAYLOAD_BYTES;
  }

  /** While the peer's format is open, the end of a lone connection is told in the way every format has (P42). */
  resetMessage(state: ConnectionState, stream: Stream, now: number): Message {
    stream.lastResetAt = now;
    if (this.#destination.type !== "open" || stream.format < 3 || stream.connections.size > 0) {
      return this.#exchange.resetMessage(state, stream);
    }
    this.#exchange.table.end(stream);
    this.#endHold();
    // Without its connection id, which the service's own resets have: the destination tells them apart (P54).
    return makeMessage({ type: MessageType.StreamReset, ...idsOf(stream, 0) });
  }

  lingerSince(_state: ConnectionState, now: number): number {
    return now;
  }

  /** A half-closed connection waits for an answer to its last byte (P52). */
  sent(state: ConnectionState, _item: Item, now: number): void {
    this.#exchange.linger.sent(state, now);
  }

  tick(now: number): void {
    if (this.#isHolding && now >= (this.#holdUntil ?? now)) this.#endHold();
    this.#chain.tick(now);
    this.#warnOfSilence(now);
    if (this.#format === 3) return;
    for (const [state, deadline] of this.#unstarted) {
      if (deadline > now) continue;
      const { serviceId } = state.connection;
      this.#unstarted.delete(state);
      const why = "the other side carries one connection at a time";
      this.#exchange.event({ type: "refused", serviceId, why });
      this.#exchange.closeLocal(state, why);
    }
  }

  deadline(): number | undefined {
    const silenceAt = typeof this.#silence === "number" ? this.#silence + SILENCE_MS : undefined;
    const waitUntil = this.#format < 3 ? this.#unstarted.values().next().value : undefined;
    const times = [this.#holdUntil, this.#chain.deadline(), silenceAt, waitUntil].filter(
      (time) => time !== undefined,
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** The format spoken now. */
  get #format(): Format {
    if (this.#destination.type === "given") return this.#destination.format;
    return this.#destination.type === "older" ? 2 : 3;
  }

  /** A stream keeps the format that it was started in (P40). */
  #takesMore(stream: Stream): boolean {
    return this.#format === 3 && stream.format === 3;
  }

  get #holdUntil(): number | undefined {
    return this.#destination.type === "open" ? this.#destination.holdUntil : undefined;
  }

  get #isHolding(): boolean {
    return this.#holdUntil !== undefined;
  }

  #hold(until: number): void {
    if (this.#destination.type === "open" && !this.#isHolding) {
      this.#destination = { type: "open", holdUntil: until };
    }
  }

  #endHold(): void {
    if (this.#isHolding) this.#destination = { type: "open", holdUntil: undefined };
  }

  /** Takes what a message of the destination tells of its format (P45). */
  #learnFormat(message: Message, stream: Stream, now: number): void {
    if (this.#destination.type === "given") return;
    const lacksService = message.serviceId === "" && stream.serviceId !== "";
    const { connectionId } = message;
    if (!lacksService && connectionId > 0) return this.#onFormat3(connectionId, stream);
    if (stream.format < 3) return;
    stream.hasConnectionIds = connectionId > 0;
    if (lacksService) this.#fallBack(1, "a message without service id", now);
    else this.#fallBack(2, "a message without connection id", now);
  }

  /** An id that this stream was not started with is no echo: its sender knows connections. */
  #onFormat3(connectionId: number, stream: Stream): void {
    const isEcho = stream.hasConnectionIds && connectionId === FIRST_CONNECTION_ID;
    if (!isEcho) this.#destination = { type: "proven" };
    else if (this.#destination.type === "open") this.#destination = { type: "likely" };
  }

  /** Leaves a stream the one connection that an older peer knows of. */
  #keepFirst(stream: Stream, now: number): void {
    const first = stream.connections.get(FIRST_CONNECTION_ID);
    if (first === undefined) this.#abandon(stream);
    this.#startAgain(
      [...stream.connections.values()].filter((state) => state !== first),
      now,
    );
  }

  /** The one connection that the peer knows of is over here: it must hear so, or it takes no new stream (P22). */
  #abandon(stream: Stream): void {
    this.#exchange.table.end(stream);
    this.#exchange.answer(makeMessage({ type: MessageType.StreamReset, ...idsOf(stream, 0) }));
  }

  #onStreamReset(message: Message, stream: Stream, now: number): void {
    const cause = this.#causeOfStreamReset(message, stream, now);
    if (cause !== undefined) {
      this.#exchange.table.end(stream);
      this.#fallBack(2, `a stream reset in answer to ${cause}`, now);
      this.#startAgain([...stream.connections.values()], now);
    }
    // A peer of format 3 ends connections one by one: this tells that it is gone, or could not connect (P54).
    const isKnown = this.#destination.type === "likely" || this.#destination.type === "proven";
    this.#exchange.endStream(
      stream,
      "closed by the destination",
      stream.format === 3 && isKnown ? "reset" : "end",
    );
  }

  /**
   * What of ours a stream reset answers, where nothing but an older peer explains it (P45). The service resets streams
   * as well, when the destination has left.
   */
  #causeOfStreamReset(message: Message, stream: Stream, now: number): string | undefined {
    const { type } = this.#destination;
    if (stream.format < 3 || (type !== "open" && type !== "likely")) return undefined;
    const isRecent = (at: number | undefined) => at !== undefined && now - at <= ANSWER_MS;
    const mayBeTheServices = message.connectionId > 0 && stream.lastResetAt === undefined;
    if (type === "open" && isRecent(stream.lastStartAt) && !mayBeTheServices) return "a connection start";
    if (!isRecent(stream.lastResetAt)) return undefined;
    this.#suspicions += 1;
    return this.#suspicions >= SUSPICIONS ? "a connection reset" : undefined;
  }

  /** The session goes on in format 2: the service refuses a change to format 1 within a WebSocket (P45). */
  #fallBack(known: Format, from: string, now: number): void {
    this.#destination = { type: "older" };
    this.#exchange.event({ type: "format", known, from });
    for (const stream of this.#exchange.table.streams) {
      stream.format = 2;
      this.#keepFirst(stream, now);
    }
  }

  /** Connections that an older peer did not understand start again, if none of their bytes went either way (P44). */
  #startAgain(states: readonly ConnectionState[], now: number): void {
    for (const state of states) {
      if (state.sentBytes > 0 || state.lastReceivedAt !== undefined) {
        this.#exchange.closeLocal(state, "the other side carries one connection at a time", "reset");
        continue;
      }
      state.stream?.connections.delete(state.connectionId);
      state.stream = undefined;
      state.connectionId = 0;
      this.#unstarted.set(state, now + WAIT_MS);
      this.#exchange.queue.pushFront(state.connection.key, { type: "start" });
    }
  }

  #warnOfSilence(now: number): void {
    if (typeof this.#silence !== "number" || this.#silence + SILENCE_MS > now) return;
    this.#silence = "over";
    const waiting = this.#exchange.table.streams.find((stream) => stream.connections.size > 0);
    if (waiting) this.#exchange.event({ type: "silent", serviceId: waiting.serviceId, forMs: SILENCE_MS });
  }
}

/** The connection a message is about; without an id, the first, or the only one of an older peer (P41). */
function connectionOf(stream: Stream, message: Message): ConnectionState | undefined {
  const id = message.connectionId;
  if (id === 0 && stream.format === 3) return stream.connections.get(FIRST_CONNECTION_ID);
  return stream.connections.get(id) ?? (id === 0 ? stream.connections.values().next().value : undefined);
}
