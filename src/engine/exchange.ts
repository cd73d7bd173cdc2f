import type { TunnelError } from "../base/errors.ts";
import { describeMessage, type Message, MessageType, makeMessage } from "../protocol/message.ts";
import type { Session } from "./continuity/session.ts";
import type { ContinuityHooks } from "./continuity-hooks.ts";
import { FairQueue, type Item } from "./fair-queue.ts";
import { Linger } from "./linger.ts";
import type { EngineEvent, EngineOutput, Format } from "./output.ts";
import { type ConnectionState, type Stream, StreamTable } from "./stream-table.ts";

/** How an engine is made; times in milliseconds. */
export interface EngineOptions {
  /** Names of the service map, for the services of the tunnel; one empty name is an unnamed entry. */
  readonly entries: (services: readonly string[]) => readonly string[];
  /** Format of the other side, when it is known before its first message. */
  readonly format?: Format | undefined;
  /** The subprotocol has no SERVICE_IDS message (1.0): start at once with the entries. */
  readonly hasServiceIds: boolean;
  /** How long the way back stays open without bytes after a local end of file (P52). */
  readonly lingerMs: number;
  /** Connections at once, at most MAX_CONNECTIONS (P29). */
  readonly maxConnections?: number | undefined;
  /** Connections outlive their WebSocket where the other side is ours as well (P90); absent: they do not. */
  readonly continuity?: Session | undefined;
  /** A number in [0, 1): stream ids are drawn from it (P21). */
  readonly random: () => number;
}

/** More connections at once than this are refused: each costs a file descriptor and up to a queue's limit of memory. */
const MAX_CONNECTIONS = 4_096;

/** Lane of the answers that belong to no connection; connections count from 1. */
const ANSWERS = 0;
const MAX_ANSWER_BYTES = 64 * 1024;

/** What the two sides of a tunnel do alike with streams, connections and what these want to send. */
export class Exchange {
  readonly options: EngineOptions;
  readonly table: StreamTable;
  readonly queue = new FairQueue();
  readonly linger: Linger;
  continuity: ContinuityHooks | undefined;
  /** Service id → entry of the service map; undefined until SERVICE_IDS came. */
  services: ReadonlyMap<string, string> | undefined;
  /** Keys of connections whose local socket lives: it may do so after their end, and costs as much. */
  readonly sockets = new Set<number>();
  #outputs: EngineOutput[] = [];
  #hasFailed = false;

  constructor(options: EngineOptions) {
    this.options = options;
    this.table = new StreamTable(options.continuity?.newKey);
    this.linger = new Linger(options.lingerMs);
  }

  /** Whether one more connection would be too many (P29). */
  get isFull(): boolean {
    const { maxConnections = MAX_CONNECTIONS } = this.options;
    const count = Math.max(this.table.connections.size, this.sockets.size);
    return count >= Math.min(maxConnections, MAX_CONNECTIONS);
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  output(output: EngineOutput): void {
    this.#outputs.push(output);
  }

  event(event: EngineEvent): void {
    this.output({ type: "event", event });
  }

  dropped(message: Message, why: string): void {
    this.event({ type: "dropped", message: describeMessage(message), why });
  }

  fail(error: TunnelError): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.output({ type: "fail", error });
  }

  /** Everything to be carried out since the last call, in order. */
  drain(): readonly EngineOutput[] {
    if (this.#outputs.length === 0) return this.#outputs;
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** Queues an answer that belongs to no connection; a peer that provokes too many gets none (P66). */
  answer(message: Message): void {
    if (this.queue.bytesOf(ANSWERS) < MAX_ANSWER_BYTES) {
      this.queue.push(ANSWERS, { type: "message", message });
    }
  }

  /** Service id a message names, or the only service of the tunnel when it names none (P41). */
  serviceOf(message: Message): string | undefined {
    const { services } = this;
    if (message.serviceId !== "" || services?.has("")) {
      return services?.has(message.serviceId) ? message.serviceId : undefined;
    }
    if (services?.size === 1) return services.keys().next().value;
    return this.table.byStreamId(message.streamId)?.serviceId;
  }

  onData(message: Message, state: ConnectionState | undefined, now: number): void {
    if (state === undefined && this.continuity?.onControl(message)) return;
    if (state === undefined) return this.dropped(message, "no such connection");
    if (this.continuity?.accounts.received(state, message.payload.length) === false) return;
    if (state.closed) return this.dropped(message, "the connection has ended");
    state.lastReceivedAt = now;
    this.linger.touch(state, now);
    if (message.payload.length === 0) return;
    this.output({ type: "write", connection: state.connection, bytes: message.payload });
    this.continuity?.accounts.followUp(state);
  }

  addConnection(serviceId: string): ConnectionState {
    const state = this.table.addConnection(serviceId);
    this.sockets.add(state.connection.key);
    return state;
  }

  /** Ends every connection of a stream and forgets the stream. */
  endStream(stream: Stream, why: string, how: "end" | "reset" = "end"): void {
    this.table.end(stream);
    this.continuity?.suspend(stream);
    for (const state of [...stream.connections.values()]) this.closeLocal(state, why, how);
  }

  /** Forgets a connection and has its local socket closed, after its last byte unless by reset. */
  closeLocal(state: ConnectionState, why: string, how: "end" | "reset" = "end"): void {
    const end = this.continuity?.endOf(state, why, how) ?? { why, how };
    this.forget(state);
    if (!state.closed) this.output({ type: "close", connection: state.connection, ...end });
  }

  /** The way back of a half-closed connection is given up: both sides hear of its end (P52). */
  giveUpLingering(now: number): void {
    for (const state of this.linger.due(now, this.#isUnsent)) {
      this.linger.delete(state);
      state.closed = true;
      this.queue.push(state.connection.key, { type: "reset" });
      this.output({ type: "close", connection: state.connection, how: "end", why: "local end of file" });
    }
  }

  forget(state: ConnectionState): void {
    this.continuity?.accounts.forget(state);
    this.linger.delete(state);
    this.queue.drop(state.connection.key);
    this.table.remove(state);
  }

  /** The message that carries bytes of a connection, or undefined when it has no stream any more. */
  dataMessage(state: ConnectionState, { bytes }: Item & { type: "data" }): Message | undefined {
    const { stream } = state;
    if (stream === undefined) return undefined;
    state.sentBytes += bytes.length;
    stream.hasSentData = true;
    this.continuity?.accounts.sent(state, bytes);
    return makeMessage({ type: MessageType.Data, payload: bytes, ...idsOf(stream, state.connectionId) });
  }

  /** The message that ends a connection: in format 1 and 2 a stream is its connection. */
  resetMessage(state: ConnectionState, stream: Stream): Message {
    const type = stream.format === 3 ? MessageType.ConnectionReset : MessageType.StreamReset;
    if (type === MessageType.StreamReset) this.table.end(stream);
    return makeMessage({ type, ...idsOf(stream, state.connectionId) });
  }

  readonly #isUnsent = (state: ConnectionState): boolean => this.queue.bytesOf(state.connection.key) > 0;
}

/** Ids of a message about a connection, in the form its stream has (P40). */
export function idsOf(stream: Stream, connectionId: number) {
  return {
    streamId: stream.streamId,
    serviceId: stream.format === 1 ? "" : stream.serviceId,
    connectionId: stream.hasConnectionIds ? connectionId : 0,
  };
}
