import { LocalProtocolError } from "../base/errors.ts";
import { MAX_STREAM_ID } from "../protocol/constants.ts";
import { type Message, MessageType, makeMessage } from "../protocol/message.ts";
import { Engine, type EngineOptions, MAX_CONNECTIONS } from "./engine.ts";
import type { Item } from "./fair-queue.ts";
import type { Connection, Format } from "./output.ts";
import type { ConnectionState, Stream } from "./stream-table.ts";

/** Until the destination has said something, for this long at most, only one connection is opened (P42). */
const HOLD_MS = 1_000;
/** … and only this much of it is sent, since an older peer may make us start again (P42). */
const HOLD_BYTES = 16 * 1024;
/** Silence after which a person is told which flag to try (P43). */
const SILENCE_MS = 5_000;
/** A stream reset this soon after a connection reset of ours is its answer (P45). */
const ANSWER_MS = 1_000;
/** How long a connection may wait for the only one that an older peer carries (P44). */
const WAIT_MS = 10_000;
/** … and how many may wait. */
const MAX_WAITING = 128;

/** Connection that a stream begins with, and that an older peer takes for the whole of it (P24). */
const FIRST_CONNECTION_ID = 1;

/** The source side: accepted connections become streams and connections of the tunnel. */
export class SourceEngine extends Engine {
  protected readonly peer = "destination";
  #format: Format;
  /** Whether the format is given and not to be found out. */
  readonly #isFormatGiven: boolean;
  #hasHeard = false;
  /** A message with a connection id came: the peer speaks format 3 for certain. */
  #isFormatProven: boolean;
  #firstStartAt: number | undefined;
  #holdUntil: number | undefined;
  #hasWarned = false;
  /** Connections not yet opened on the wire, with the moment at which they are given up. */
  readonly #unstarted = new Map<ConnectionState, number>();

  constructor(options: EngineOptions) {
    super(options);
    this.#format = options.format ?? 3;
    this.#isFormatGiven = options.format !== undefined;
    this.#isFormatProven = this.#isFormatGiven;
  }

  /**
   * A local connection to a service was accepted.
   * @returns undefined when there are too many: close it.
   */
  localAccepted(serviceId: string, now: number): Connection | undefined {
    if (!this.services?.has(serviceId))
      throw new LocalProtocolError(`no service "${serviceId}" in this tunnel`);
    if (
      this.table.connections.size >= MAX_CONNECTIONS ||
      (this.#format < 3 && this.#unstarted.size >= MAX_WAITING)
    ) {
      this.event({ type: "refused", serviceId, why: "too many connections" });
      return undefined;
    }
    const state = this.table.addConnection(serviceId);
    this.#unstarted.set(state, now + WAIT_MS);
    this.queue.push(state.connection.key, { type: "start" });
    return state.connection;
  }

  override tick(now: number): void {
    super.tick(now);
    if (this.#holdUntil !== undefined && this.#holdUntil <= now) this.#holdUntil = undefined;
    this.#warnOfSilence(now);
    if (this.#format === 3) return;
    for (const [state, deadline] of this.#unstarted) {
      if (deadline > now) continue;
      const { serviceId } = state.connection;
      this.#unstarted.delete(state);
      this.event({ type: "refused", serviceId, why: "the other side carries one connection at a time" });
      this.closeLocal(state, "the other side carries one connection at a time");
    }
  }

  override deadline(): number | undefined {
    const times = [super.deadline(), this.#holdUntil, this.#silenceDeadline()];
    if (this.#format < 3) times.push(this.#unstarted.values().next().value);
    return times.reduce(
      (first, time) => (first === undefined || (time ?? first) < first ? time : first),
      undefined,
    );
  }

  protected onMessageFromPeer(message: Message, now: number): void {
    const serviceId = this.serviceOf(message);
    const stream = serviceId === undefined ? undefined : this.table.of(serviceId);
    if (stream === undefined || stream.streamId !== message.streamId)
      return this.dropped(message, "stale stream");
    this.#hasHeard = true;
    this.#holdUntil = undefined;
    if (message.type === MessageType.StreamReset) return this.#onStreamReset(message, stream, now);
    this.#learnFormat(message, stream, now);
    const state = connectionOf(stream, message);
    if (message.type === MessageType.Data) this.onData(message, state, now);
    else if (state !== undefined) this.closeLocal(state, "closed by the destination");
  }

  protected startMessage(state: ConnectionState, now: number): Message {
    this.#unstarted.delete(state);
    const { serviceId } = state.connection;
    const open = this.#format === 3 ? this.table.of(serviceId) : undefined;
    const stream = open ?? this.table.start(serviceId, this.#newStreamId(), this.#format);
    this.table.join(state, stream, this.#format === 3 ? stream.nextConnectionId : 0);
    this.#firstStartAt ??= now;
    if (this.#isFormatOpen && open === undefined) this.#holdUntil ??= now + HOLD_MS;
    const type = open === undefined ? MessageType.StreamStart : MessageType.ConnectionStart;
    return makeMessage({ type, ...this.idsOf(stream, state.connectionId) });
  }

  protected override mayTake(state: ConnectionState, item: Item): boolean {
    if (item.type === "start") {
      if (this.#holdUntil !== undefined) return false;
      return this.#format === 3 || (this.table.of(state.connection.serviceId)?.connections.size ?? 0) === 0;
    }
    if (item.type !== "data" || this.#holdUntil === undefined) return true;
    return state.sentBytes + Math.min(item.bytes.length, HOLD_BYTES) <= HOLD_BYTES;
  }

  protected override maxPayloadBytes(): number {
    return this.#holdUntil === undefined ? super.maxPayloadBytes() : HOLD_BYTES;
  }

  /** While the peer's format is open, the end of a lone connection is told in the way every format has (P42). */
  protected override resetMessage(state: ConnectionState, stream: Stream, now: number): Message {
    stream.lastResetAt = now;
    if (!this.#isFormatOpen || stream.format < 3 || stream.connections.size > 0) {
      return super.resetMessage(state, stream, now);
    }
    this.table.end(stream);
    this.#holdUntil = undefined;
    return makeMessage({ type: MessageType.StreamReset, ...this.idsOf(stream, state.connectionId) });
  }

  protected lingerDeadline(_state: ConnectionState, now: number): number {
    return now + this.options.lingerMs;
  }

  /** Whether the peer may still turn out to be an older one; a stream reset tells nothing of it (P47). */
  get #isFormatOpen(): boolean {
    return this.#format === 3 && !this.#isFormatProven;
  }

  #learnFormat(message: Message, stream: Stream, now: number): void {
    const lacksService = message.serviceId === "" && stream.serviceId !== "";
    const lacksConnection = message.connectionId === 0;
    if (!lacksService && !lacksConnection) this.#isFormatProven = true;
    if (this.#isFormatGiven || stream.format < 3 || !(lacksService || lacksConnection)) return;
    stream.hasConnectionIds = !lacksConnection;
    if (lacksService) this.#fallBack(1, "a message without service id", now);
    else this.#fallBack(2, "a message without connection id", now);
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
    this.table.end(stream);
    this.answer(makeMessage({ type: MessageType.StreamReset, ...this.idsOf(stream, 0) }));
  }

  #onStreamReset(message: Message, stream: Stream, now: number): void {
    const cause =
      this.#isFormatGiven || stream.format < 3 ? undefined : this.#causeOfStreamReset(message, stream, now);
    if (cause !== undefined) {
      this.table.end(stream);
      this.#fallBack(2, `a stream reset in answer to ${cause}`, now);
      this.#startAgain([...stream.connections.values()], now);
    }
    // A peer of format 3 ends connections one by one: this tells that it is gone, or could not connect (P54).
    const isPeerLost = cause === undefined && stream.format === 3 && this.#isFormatProven;
    this.endStream(stream, "closed by the destination", isPeerLost ? "reset" : "end");
  }

  /** What of ours a stream reset answers, where a peer of format 3 would not have reset the stream (P45). */
  #causeOfStreamReset(message: Message, stream: Stream, now: number): string | undefined {
    const mayBeTheServices = message.connectionId > 0 && stream.lastResetAt === undefined;
    if (!this.#isFormatProven && stream.nextConnectionId > 2 && !mayBeTheServices)
      return "a connection start";
    const isAnswer = stream.lastResetAt !== undefined && now - stream.lastResetAt <= ANSWER_MS;
    return isAnswer ? "a connection reset" : undefined;
  }

  /** The session goes on in format 2: the service refuses a change to format 1 within a WebSocket (P45). */
  #fallBack(known: Format, from: string, now: number): void {
    this.#format = 2;
    this.event({ type: "format", known, from });
    for (const stream of this.table.streams) {
      stream.format = 2;
      this.#keepFirst(stream, now);
    }
  }

  /** Connections that an older peer did not understand start again, if none of their bytes went either way (P44). */
  #startAgain(states: readonly ConnectionState[], now: number): void {
    for (const state of states) {
      if (state.sentBytes > 0 || state.lastReceivedAt !== undefined) {
        this.closeLocal(state, "the other side carries one connection at a time");
        continue;
      }
      state.stream?.connections.delete(state.connectionId);
      state.stream = undefined;
      state.connectionId = 0;
      this.#unstarted.set(state, now + WAIT_MS);
      this.queue.pushFront(state.connection.key, { type: "start" });
    }
  }

  #newStreamId(): number {
    return 1 + Math.floor(this.options.random() * MAX_STREAM_ID);
  }

  #silenceDeadline(): number | undefined {
    if (this.#hasHeard || this.#hasWarned || this.#firstStartAt === undefined) return undefined;
    return this.#firstStartAt + SILENCE_MS;
  }

  #warnOfSilence(now: number): void {
    const deadline = this.#silenceDeadline();
    if (deadline === undefined || deadline > now) return;
    this.#hasWarned = true;
    const waiting = this.table.streams.find((stream) => stream.connections.size > 0);
    if (waiting) this.event({ type: "silent", serviceId: waiting.serviceId, forMs: SILENCE_MS });
  }
}

/** The connection a message is about; without an id, the first, or the only one of an older peer (P41). */
function connectionOf(stream: Stream, message: Message): ConnectionState | undefined {
  const id = message.connectionId;
  if (id === 0 && stream.format === 3) return stream.connections.get(FIRST_CONNECTION_ID);
  return stream.connections.get(id) ?? (id === 0 ? stream.connections.values().next().value : undefined);
}
