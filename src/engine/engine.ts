import { RemoteProtocolError, TunnelError } from "../base/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol/constants.ts";
import { FrameSplitter } from "../protocol/frame.ts";
import { decodeFrame, describeMessage, encodeFrame, type Message, MessageType } from "../protocol/message.ts";
import { checkMessage } from "../protocol/rules.ts";
import { Destination } from "./destination.ts";
import { type EngineOptions, Exchange } from "./exchange.ts";
import type { Item } from "./fair-queue.ts";
import type { Connection, EngineOutput } from "./output.ts";
import { matchServices } from "./services.ts";
import { Source } from "./source.ts";
import type { ConnectionState } from "./stream-table.ts";

/**
 * The messages of one WebSocket of a local proxy: streams and connections, what is sent when, what each message means.
 * After every input its owner carries out `drain()`, sends what `nextFrame` gives while the tunnel takes it, and calls
 * `tick` at `deadline()`. `now` is milliseconds of any steady clock.
 */
export class Engine {
  readonly #exchange: Exchange;
  readonly #side: Source | Destination;
  readonly #splitter = new FrameSplitter();

  constructor(side: "source" | "destination", options: EngineOptions) {
    this.#exchange = new Exchange(options);
    this.#side = side === "source" ? new Source(this.#exchange) : new Destination(this.#exchange);
    if (!options.hasServiceIds) this.#setServices(options.entries([]));
  }

  /** Bytes of one binary WebSocket frame came from the tunnel. */
  receive(bytes: Uint8Array, now: number): void {
    try {
      for (const frame of this.#splitter.push(bytes)) this.#onMessage(decodeFrame(frame), now);
    } catch (error) {
      if (!(error instanceof TunnelError)) throw error;
      this.#exchange.fail(error);
    }
  }

  /**
   * Source: a local connection to a service was accepted.
   * @returns undefined when it is refused, which an event tells: close it
   */
  localAccepted(serviceId: string, now: number): Connection | undefined {
    if (this.#side instanceof Source && this.#exchange.services?.has(serviceId)) {
      return this.#side.accept(serviceId, now);
    }
    // A listener outlives its WebSocket, and the next one may have other services: no reason to end the process.
    const why =
      this.#side instanceof Source ? "the tunnel has no such service now" : "only a source takes connections";
    this.#exchange.event({ type: "refused", serviceId, why });
    return undefined;
  }

  /** A local socket gave bytes. The engine keeps them until they are sent: do not change the buffer. */
  localData(connection: Connection, bytes: Uint8Array): void {
    const state = this.#stateOf(connection);
    if (state === undefined || state.ended || bytes.length === 0) return;
    this.#exchange.queue.push(connection.key, { type: "data", bytes });
  }

  /** A local socket will give no more bytes, but can still take some (P52). */
  localEnded(connection: Connection, now: number): void {
    const state = this.#stateOf(connection);
    if (state === undefined || state.ended) return;
    state.ended = true;
    this.#exchange.linger.add(state, this.#side.lingerSince(state, now));
    this.tick(now);
  }

  /** A local socket is gone, or could not be made. What it gave before is still sent. */
  localClosed(connection: Connection): void {
    const state = this.#stateOf(connection);
    if (state === undefined) return;
    state.ended = true;
    state.closed = true;
    this.#exchange.linger.delete(state);
    this.#exchange.queue.push(connection.key, { type: "reset" });
  }

  /** So many bytes wait for a local socket, whose application has not taken them. */
  localUnread(connection: Connection, bytes: number, now: number): void {
    const state = this.#stateOf(connection);
    if (state === undefined) return;
    if (bytes === 0 && state.unreadBytes > 0) this.#exchange.linger.touch(state, now);
    state.unreadBytes = bytes;
  }

  /** The tunnel is read, or not. */
  setHearing(isHearing: boolean, now: number): void {
    this.#exchange.linger.setHearing(isHearing, now);
  }

  /** What was sent before `until` has reached the service, infinite where it does not tell, and how far away that is. */
  setAnswered(until: number, roundTripMs: number | undefined, now: number): void {
    this.#exchange.linger.setAnswered(until, now);
    if (roundTripMs !== undefined) this.#exchange.linger.setRoundTrip(roundTripMs, now);
  }

  /** The socket of a connection is gone: only now may another take its place. */
  released({ key }: Connection): void {
    this.#exchange.sockets.delete(key);
  }

  /**
   * The next frame for the tunnel, or undefined when nothing may be sent now.
   * @param maxBytes of payload: less than a whole message where one would be long on its way (P63)
   */
  nextFrame(now: number, maxBytes = MAX_PAYLOAD_BYTES): Uint8Array | undefined {
    const { queue, table } = this.#exchange;
    for (;;) {
      const taken = queue.take(Math.min(maxBytes, this.#side.maxPayloadBytes), this.#mayTake);
      if (taken === undefined) return undefined;
      if (taken.item.type === "message") return encodeFrame(taken.item.message);
      const state = table.connections.get(taken.key);
      const message = state && this.#messageFor(state, taken.item, now);
      if (message !== undefined) return encodeFrame(message);
    }
  }

  /** Calls for this at `deadline()`; calling it early does no harm. */
  tick(now: number): void {
    this.#exchange.giveUpLingering(now);
    this.#side.tick(now);
  }

  /** When to call `tick`, or undefined. */
  deadline(): number | undefined {
    const times = [this.#exchange.linger.deadline, this.#side.deadline()];
    const first = Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));
    return first === Number.POSITIVE_INFINITY ? undefined : first;
  }

  /** Everything to be carried out since the last call, in order. */
  drain(): readonly EngineOutput[] {
    return this.#exchange.drain();
  }

  /** The latest message whose arrival at the service a half-closed connection waits for, or undefined. */
  get unansweredSince(): number | undefined {
    return this.#exchange.linger.unansweredSince;
  }

  /** Whether any connection is half-closed. */
  get isLingering(): boolean {
    return this.#exchange.linger.size > 0;
  }

  /** Bytes a connection still wants to send, with a small cost for each chunk. */
  backlogOf(connection: Connection): number {
    return this.#exchange.queue.bytesOf(connection.key);
  }

  /** Bytes all connections still want to send. */
  get backlog(): number {
    return this.#exchange.queue.totalBytes;
  }

  /** Part of `backlog` of connections not yet opened on the wire. */
  get waitingBacklog(): number {
    return this.#exchange.queue.waitingBytes;
  }

  /** Whether a connection has not yet been opened on the wire. */
  isWaiting(connection: Connection): boolean {
    return this.#exchange.queue.isWaiting(connection.key);
  }

  /** Connections that are open, wait to be opened or have not yet told their end. */
  get openConnections(): number {
    return this.#exchange.table.connections.size;
  }

  /** Whether the services of the tunnel are known: nothing can be carried before. */
  get isReady(): boolean {
    return this.#exchange.services !== undefined;
  }

  /** Entry of the service map that serves a service of the tunnel. */
  entryOf(serviceId: string): string | undefined {
    return this.#exchange.services?.get(serviceId);
  }

  #stateOf({ key }: Connection): ConnectionState | undefined {
    return this.#exchange.table.connections.get(key);
  }

  readonly #mayTake = (key: number, item: Item): boolean => {
    const state = this.#exchange.table.connections.get(key);
    return state === undefined || this.#side.mayTake(state, item);
  };

  #onMessage(message: Message, now: number): void {
    const exchange = this.#exchange;
    if (exchange.hasFailed || !checkMessage(message, [this.#side.peer, "service"])) return;
    if (message.type === MessageType.ServiceIds) this.#onServiceIds(message);
    else if (message.type === MessageType.SessionReset) this.#onSessionReset();
    else if (exchange.services === undefined) {
      throw new RemoteProtocolError("P30", `${describeMessage(message)} came before SERVICE_IDS`);
    } else this.#side.onMessage(message, now);
  }

  #onServiceIds(message: Message): void {
    if (this.isReady) return this.#exchange.dropped(message, "the services are already known");
    this.#setServices(message.availableServiceIds);
  }

  #setServices(services: readonly string[]): void {
    const matched = matchServices(this.#exchange.options.entries(services), services);
    this.#exchange.services = matched;
    this.#exchange.output({ type: "ready", services: [...matched.keys()] });
  }

  #onSessionReset(): void {
    const exchange = this.#exchange;
    for (const stream of exchange.table.streams) exchange.endStream(stream, "session reset by the service");
  }

  #messageFor(state: ConnectionState, item: Item, now: number): Message | undefined {
    const exchange = this.#exchange;
    if (item.type === "reset") {
      exchange.forget(state);
      return state.stream && this.#side.resetMessage(state, state.stream, now);
    }
    this.#side.sent(state, item, now);
    if (item.type === "data") return exchange.dataMessage(state, item);
    return this.#side.startMessage(state, now);
  }
}
