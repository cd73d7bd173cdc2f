import { RemoteProtocolError, TunnelError } from "../base/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol/constants.ts";
import { FrameSplitter } from "../protocol/frame.ts";
import {
  decodeFrame,
  describeMessage,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../protocol/message.ts";
import { checkMessage, type Sender } from "../protocol/rules.ts";
import { FairQueue, type Item } from "./fair-queue.ts";
import type { Connection, EngineEvent, Format, Output } from "./output.ts";
import { matchServices, namesOf } from "./services.ts";
import { type ConnectionState, type Stream, StreamTable } from "./stream-table.ts";

/** How an engine is made; times in milliseconds. */
export interface EngineOptions {
  /** Names of the service map for the tunnel's services; one empty name is an unnamed entry. */
  readonly entries: readonly string[] | ((services: readonly string[]) => readonly string[]);
  /** Format of the other side, when it is known before its first message. */
  readonly format?: Format | undefined;
  /** The subprotocol has no SERVICE_IDS message (1.0): start at once with the entries. */
  readonly hasServiceIds: boolean;
  /** How long the way back stays open without bytes after a local end of file (P52). */
  readonly lingerMs: number;
  /** A number in [0, 1): stream ids are drawn from it (P21). */
  readonly random: () => number;
}

/** More connections at once than this are refused: each costs a file descriptor and up to a queue's limit of memory. */
export const MAX_CONNECTIONS = 4_096;

/** Lane of the answers that belong to no connection; connections count from 1. */
const ANSWERS = 0;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * One WebSocket session of a local proxy, without sockets or clock. The driver feeds it what happens; after every
 * input it carries out `drain()`, sends what `nextFrame` gives while the tunnel takes it, and calls `tick` at
 * `deadline()`. `now` is milliseconds of any steady clock.
 */
export abstract class Engine {
  protected readonly options: EngineOptions;
  protected readonly table = new StreamTable();
  protected readonly queue = new FairQueue();
  /** Service id → entry of the service map; undefined until SERVICE_IDS came. */
  #services: Map<string, string> | undefined;
  readonly #splitter = new FrameSplitter();
  /** Connections whose local side ended, with the moment at which the way back is given up. */
  readonly #lingering = new Map<ConnectionState, number>();
  #outputs: Output[] = [];
  #failed = false;

  constructor(options: EngineOptions) {
    this.options = options;
    if (!options.hasServiceIds) this.#setServices(namesOf(options.entries, []));
  }

  /** Bytes of one binary WebSocket frame came from the tunnel. */
  receive(bytes: Uint8Array, now: number): void {
    try {
      for (const frame of this.#splitter.push(bytes)) this.#onMessage(decodeFrame(frame), now);
    } catch (error) {
      if (!(error instanceof TunnelError)) throw error;
      this.fail(error);
    }
  }

  /** A local socket gave bytes. The engine keeps them until they are sent: do not change the buffer. */
  localData(connection: Connection, bytes: Uint8Array): void {
    const state = this.table.connections.get(connection.key);
    if (state === undefined || state.ended || bytes.length === 0) return;
    this.queue.push(connection.key, { type: "data", bytes });
  }

  /** A local socket will give no more bytes, but can still take some (P52). */
  localEnded(connection: Connection, now: number): void {
    const state = this.table.connections.get(connection.key);
    if (state === undefined || state.ended) return;
    state.ended = true;
    this.#lingering.set(state, this.lingerDeadline(state, now));
    this.tick(now);
  }

  /** A local socket is gone, or could not be made. What it gave before is still sent. */
  localClosed(connection: Connection): void {
    const state = this.table.connections.get(connection.key);
    if (state === undefined) return;
    state.ended = true;
    state.closed = true;
    this.#lingering.delete(state);
    this.queue.push(connection.key, { type: "reset" });
  }

  /**
   * The next frame for the tunnel, or undefined when nothing may be sent now.
   * @param maxBytes of payload: less than a whole message where one would be long on its way (P63)
   */
  nextFrame(now: number, maxBytes = MAX_PAYLOAD_BYTES): Uint8Array | undefined {
    for (;;) {
      const taken = this.queue.take(Math.min(maxBytes, this.maxPayloadBytes()), (key, item) =>
        this.#mayTakeKey(key, item),
      );
      if (taken === undefined) return undefined;
      if (taken.item.type === "message") return encodeFrame(taken.item.message);
      const state = this.table.connections.get(taken.key);
      const message = state && this.#messageFor(state, taken.item, now);
      if (message !== undefined) return encodeFrame(message);
    }
  }

  /** Calls for this at `deadline()`; calling it early does no harm. */
  tick(now: number): void {
    for (const [state, deadline] of this.#lingering) {
      if (deadline > now || this.queue.bytesOf(state.connection.key) > 0) continue;
      this.#lingering.delete(state);
      state.closed = true;
      this.queue.push(state.connection.key, { type: "reset" });
      this.output({ type: "close", connection: state.connection, how: "end", why: "local end of file" });
    }
  }

  /** When to call `tick`, or undefined. */
  deadline(): number | undefined {
    let first = Number.POSITIVE_INFINITY;
    for (const [state, deadline] of this.#lingering) {
      if (this.queue.bytesOf(state.connection.key) === 0) first = Math.min(first, deadline);
    }
    return first === Number.POSITIVE_INFINITY ? undefined : first;
  }

  /** Everything to be carried out since the last call, in order. */
  drain(): Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** Bytes a connection still wants to send, with a small cost for each chunk. */
  backlogOf(connection: Connection): number {
    return this.queue.bytesOf(connection.key);
  }

  /** Bytes all connections still want to send. */
  get backlog(): number {
    return this.queue.totalBytes;
  }

  /** Connections that are open, wait to be opened or have not yet told their end. */
  get openConnections(): number {
    return this.table.connections.size;
  }

  /** Entry of the service map that serves a service of the tunnel. */
  entryOf(serviceId: string): string | undefined {
    return this.#services?.get(serviceId);
  }

  protected abstract readonly peer: Sender;
  protected abstract onMessageFromPeer(message: Message, now: number): void;
  /** The message that opens a connection; undefined when the connection is forgotten instead. */
  protected abstract startMessage(state: ConnectionState, now: number): Message | undefined;
  protected abstract lingerDeadline(state: ConnectionState, now: number): number;

  /** Whether the first item of a connection may go out now. */
  protected mayTake(_state: ConnectionState, _item: Item): boolean {
    return true;
  }

  protected maxPayloadBytes(): number {
    return MAX_PAYLOAD_BYTES;
  }

  /** Queues an answer that belongs to no connection; a peer that provokes too many gets none. */
  protected answer(message: Message): void {
    if (this.queue.bytesOf(ANSWERS) < MAX_ANSWER_BYTES)
      this.queue.push(ANSWERS, { type: "message", message });
  }

  protected get services(): ReadonlyMap<string, string> | undefined {
    return this.#services;
  }

  protected output(output: Output): void {
    this.#outputs.push(output);
  }

  protected event(event: EngineEvent): void {
    this.output({ type: "event", event });
  }

  protected dropped(message: Message, why: string): void {
    this.event({ type: "dropped", message: describeMessage(message), why });
  }

  protected fail(error: TunnelError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.output({ type: "fail", error });
  }

  /** Service id a message names, or the only service of the tunnel when it names none (P41). */
  protected serviceOf(message: Message): string | undefined {
    if (message.serviceId !== "" || this.#services?.has("")) {
      return this.#services?.has(message.serviceId) ? message.serviceId : undefined;
    }
    if (this.#services?.size === 1) return this.#services.keys().next().value;
    return this.table.byStreamId(message.streamId)?.serviceId;
  }

  /** Ends every connection of a stream and forgets the stream. */
  protected endStream(stream: Stream, why: string, how: "end" | "reset" = "end"): void {
    this.table.end(stream);
    for (const state of [...stream.connections.values()]) this.closeLocal(state, why, how);
  }

  /** Forgets a connection and tells the driver to close its local socket, after its last byte unless by reset. */
  protected closeLocal(state: ConnectionState, why: string, how: "end" | "reset" = "end"): void {
    this.#forget(state);
    if (!state.closed) this.output({ type: "close", connection: state.connection, how, why });
  }

  protected onData(message: Message, state: ConnectionState | undefined, now: number): void {
    if (state === undefined) return this.dropped(message, "no such connection");
    if (state.closed) return this.dropped(message, "the connection has ended");
    state.lastReceivedAt = now;
    if (this.#lingering.has(state)) this.#lingering.set(state, this.lingerDeadline(state, now));
    if (message.payload.length > 0) {
      this.output({ type: "write", connection: state.connection, bytes: message.payload });
    }
  }

  /** Ids of a message about a connection, in the form its stream has (P40). */
  protected idsOf(stream: Stream, connectionId: number) {
    return {
      streamId: stream.streamId,
      serviceId: stream.format === 1 ? "" : stream.serviceId,
      connectionId: stream.hasConnectionIds ? connectionId : 0,
    };
  }

  /** The message that ends a connection: in format 1 and 2 a stream is its connection. */
  protected resetMessage(state: ConnectionState, stream: Stream, _now: number): Message {
    const type = stream.format === 3 ? MessageType.ConnectionReset : MessageType.StreamReset;
    if (type === MessageType.StreamReset) this.table.end(stream);
    return makeMessage({ type, ...this.idsOf(stream, state.connectionId) });
  }

  #onMessage(message: Message, now: number): void {
    if (this.#failed || !checkMessage(message, [this.peer, "service"])) return;
    if (message.type === MessageType.ServiceIds) this.#onServiceIds(message);
    else if (message.type === MessageType.SessionReset) this.#onSessionReset();
    else if (this.#services === undefined) {
      throw new RemoteProtocolError("P30", `${describeMessage(message)} came before SERVICE_IDS`);
    } else this.onMessageFromPeer(message, now);
  }

  #onServiceIds(message: Message): void {
    if (this.#services !== undefined) return this.dropped(message, "the services are already known");
    this.#setServices(message.availableServiceIds);
  }

  #setServices(services: readonly string[]): void {
    this.#services = matchServices(namesOf(this.options.entries, services), services);
    this.output({ type: "ready", services: [...this.#services.keys()] });
  }

  #onSessionReset(): void {
    for (const stream of this.table.streams) this.endStream(stream, "session reset by the service");
  }

  #mayTakeKey(key: number, item: Item): boolean {
    const state = this.table.connections.get(key);
    return state === undefined || this.mayTake(state, item);
  }

  #messageFor(state: ConnectionState, item: Item, now: number): Message | undefined {
    if (item.type !== "reset" && this.#lingering.has(state))
      this.#lingering.set(state, this.lingerDeadline(state, now));
    if (item.type === "start") return this.startMessage(state, now);
    const stream = state.stream;
    if (item.type === "data") {
      if (stream === undefined) return undefined;
      state.sentBytes += item.bytes.length;
      stream.hasSentData = true;
      return makeMessage({
        type: MessageType.Data,
        payload: item.bytes,
        ...this.idsOf(stream, state.connectionId),
      });
    }
    this.#forget(state);
    return stream && this.resetMessage(state, stream, now);
  }

  #forget(state: ConnectionState): void {
    this.#lingering.delete(state);
    this.queue.drop(state.connection.key);
    this.table.remove(state);
  }
}
