import { RemoteProtocolError, TunnelError } from "../base/errors.ts";
import type { Why } from "../protocol/control.ts";
import { FrameSplitter } from "../protocol/frame.ts";
import { decodeFrame, describeMessage, type Message, MessageType } from "../protocol/message.ts";
import { checkMessage } from "../protocol/rules.ts";
import { Continuity } from "./continuity/continuity.ts";
import { Destination } from "./destination.ts";
import { type EngineOptions, Exchange } from "./exchange.ts";
import type { Connection, EngineOutput, HelloFate } from "./output.ts";
import { Pressure } from "./pressure.ts";
import type { Backlog } from "./readers.ts";
import { Sender } from "./sender.ts";
import { matchServices } from "./services.ts";
import { Source } from "./source.ts";
import type { ConnectionState } from "./stream-table.ts";

/**
 * The messages of one WebSocket of a local proxy: streams and connections, what is sent when, what each message means.
 * After every input its owner carries out `drain()`, sends what `nextFrame` gives while the tunnel takes it, and calls
 * `tick` at `deadline()`. `now` is milliseconds of any steady clock.
 */
export class Engine {
  /** What decides which applications are read. */
  readonly pressure: Backlog;
  readonly #exchange: Exchange;
  readonly #side: Source | Destination;
  readonly #continuity: Continuity | undefined;
  readonly #sender: Sender;
  readonly #splitter = new FrameSplitter();

  constructor(side: "source" | "destination", options: EngineOptions) {
    this.#exchange = new Exchange(options);
    this.#side = side === "source" ? new Source(this.#exchange) : new Destination(this.#exchange);
    if (options.continuity !== undefined) {
      this.#continuity = new Continuity(side, options.continuity, this.#exchange);
      this.#exchange.continuity = this.#continuity;
    }
    this.#sender = new Sender(this.#exchange, this.#side, this.#continuity);
    this.pressure = new Pressure(this.#exchange.queue, this.#continuity?.accounts.ledgers);
    if (!options.hasServiceIds) this.#setServices(options.entries([]));
  }

  /** Bytes of one binary WebSocket frame came from the tunnel. */
  receive(bytes: Uint8Array, now: number): void {
    this.#continuity?.setNow(now);
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
    this.#continuity?.setNow(now);
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
    if (this.#held?.data(connection.key, bytes)) return;
    const state = this.#stateOf(connection);
    if (state === undefined || state.ended || bytes.length === 0) return;
    this.#exchange.queue.push(connection.key, { type: "data", bytes });
  }

  /** A local socket will give no more bytes, but can still take some (P52). */
  localEnded(connection: Connection, now: number): void {
    this.#continuity?.setNow(now);
    if (this.#held?.ended(connection.key)) return;
    const state = this.#stateOf(connection);
    if (state === undefined || state.ended) return;
    state.ended = true;
    if (this.#accounts?.ended(state)) return;
    this.#exchange.linger.add(state, this.#side.lingerSince(state, now));
    this.tick(now);
  }

  /**
   * A local socket is gone, or could not be made. What it gave before is still sent.
   * @param why for another end of ours, when it did not go in good order (P97)
   * @param address what could not be reached, in that case
   */
  localClosed(connection: Connection, why?: Why, address?: string): void {
    if (this.#held?.closed(connection.key, why)) return;
    const state = this.#stateOf(connection);
    if (state === undefined) return;
    state.ended = true;
    state.closed = true;
    this.#exchange.linger.delete(state);
    if (this.#accounts?.closed(state, why, address)) return;
    this.#exchange.queue.push(connection.key, { type: "reset" });
  }

  /** So many bytes wait for a local socket, whose application has not taken them. */
  localUnread(connection: Connection, bytes: number, now: number): void {
    this.#continuity?.setNow(now);
    if (this.#held?.unread(connection.key, bytes)) return;
    this.#accounts?.unread(connection.key, bytes);
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
  nextFrame(now: number, maxBytes?: number): Uint8Array | undefined {
    this.#continuity?.setNow(now);
    return this.#sender.nextFrame(now, maxBytes);
  }

  /** Calls for this at `deadline()`; calling it early does no harm. */
  tick(now: number): void {
    this.#exchange.giveUpLingering(now);
    this.#side.tick(now);
    this.#continuity?.tick(now);
  }

  /** When to call `tick`, or undefined. */
  deadline(): number | undefined {
    const continuity = this.#continuity?.deadline();
    const times = [this.#exchange.linger.deadline, this.#side.deadline(), continuity];
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

  /** Bytes all connections still want to send. */
  get backlog(): number {
    return this.#exchange.queue.totalBytes;
  }

  /** Bytes were given to the local socket of a connection. */
  localHanded({ key }: Connection, bytes: number): void {
    if (!this.#held?.handed(key, bytes)) this.#accounts?.handed(key, bytes);
  }

  /** Whether what waits for a connection's application is bounded by its credit, so that nobody else is held up. */
  isCredited({ key }: Connection): boolean {
    return this.#accounts?.ledgers.isCredited(key) === true;
  }

  /** Connections of which that became true since the last call. */
  takeCredited(): readonly Connection[] {
    return this.#accounts?.ledgers.takeBound() ?? [];
  }

  /** Round trip to the other end of ours, in milliseconds, once measured. */
  get endToEndMs(): number | undefined {
    return this.#continuity?.roundTripMs;
  }

  /** Source: asks for the round trip to the other end of a service, which a `pong` tells; see Pings. */
  ping(serviceId: string, isLoaded: boolean, now: number): void {
    this.#continuity?.setNow(now);
    if (this.#continuity !== undefined && this.isReady) return this.#continuity.ping(serviceId, isLoaded);
    const outcome = this.isReady ? "foreign" : "away";
    this.#exchange.event({ type: "pong", serviceId, outcome, loadedBytes: 0 });
  }

  /** What has become of the first HELLO, if one was said. */
  helloFate(now: number): HelloFate | undefined {
    return this.#continuity?.helloFate(now);
  }

  /** Whether something is to be said to another end of ours. */
  get hasControl(): boolean {
    return this.#continuity?.hasMessage === true;
  }

  /** The WebSocket is over: connections that can outlive it are held. */
  suspend(now: number): void {
    this.#continuity?.setNow(now);
    this.#continuity?.suspendAll();
  }

  /** The WebSocket was ended in good order: nothing of it is held, or stays in the session. */
  close(): void {
    this.#continuity?.close();
  }

  /** As `tick` and `deadline`, once the WebSocket is over: only what is held here is left. */
  tickHeld(now: number): void {
    this.#continuity?.tick(now);
  }

  heldDeadline(): number {
    return this.#continuity?.deadline() ?? Number.POSITIVE_INFINITY;
  }

  /** Connections that are held here and are not to be waited for any longer end. */
  abandon(why: string): void {
    this.#continuity?.abandon(why);
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

  get #accounts() {
    return this.#continuity?.accounts;
  }

  get #held() {
    return this.#continuity?.held;
  }

  #stateOf({ key }: Connection): ConnectionState | undefined {
    return this.#exchange.table.connections.get(key);
  }

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
    this.#continuity?.ready(matched.keys());
  }

  #onSessionReset(): void {
    const exchange = this.#exchange;
    for (const stream of exchange.table.streams) exchange.endStream(stream, "session reset by the service");
  }
}
