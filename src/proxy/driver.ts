import type { Socket } from "node:net";
import type { Logger } from "../base/log.ts";
import { codeOf } from "../base/system-reason.ts";
import { Carrier } from "../engine/carrier.ts";
import type { CarrierOptions } from "../engine/carrier-options.ts";
import type { CarrierEnd, Connection, EngineEvent, Output } from "../engine/output.ts";
import type { TunnelSocket } from "../net/tunnel-socket.ts";
import { Why } from "../protocol/control.ts";
import { Alarm } from "./alarm.ts";
import { type LocalHandlers, LocalSocket } from "./local-socket.ts";
import { MEMORY_WATCH } from "./memory-watch.ts";
import { ProgressWatch } from "./progress-watch.ts";

/** One WebSocket, the carrier it gets, and whom the driver tells. */
export interface DriverOptions {
  readonly socket: TunnelSocket;
  readonly carrier: CarrierOptions;
  /** Who has the local sockets of connections that outlive their WebSocket. */
  readonly homes?: Map<number, Driver> | undefined;
  readonly log: Logger;
  /** Destination: dials the service map's entry. */
  readonly dial: (service: string, entry: string) => Socket;
  /** Destination: what it dials for a service map's entry, as the other end may hear when it is not there (P97). */
  readonly addressOf: (entry: string) => string | undefined;
  readonly onReady: (services: readonly string[]) => void;
  readonly onEvent: (event: EngineEvent) => void;
  readonly onOpened: (local: LocalSocket) => void;
  readonly onClosed: (local: LocalSocket, why: string) => void;
}

/**
 * The only place where a carrier meets sockets: it tells the carrier what they do, carries out what the carrier wants,
 * and decides nothing.
 */
export class Driver {
  readonly #options: DriverOptions;
  readonly #carrier: Carrier;
  readonly #locals = new Map<number, LocalSocket>();
  readonly #ended = Promise.withResolvers<CarrierEnd>();
  readonly #released = Promise.withResolvers<void>();
  readonly #alarm = new Alarm(() => this.#tell(() => this.#carrier.tick(now())));
  readonly #handlers: LocalHandlers;
  readonly #progress: ProgressWatch;
  #isCarrying = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    const carrier = new Carrier(options.carrier, now());
    this.#carrier = carrier;
    this.#handlers = {
      onData: ({ connection }, bytes) => this.#tell(() => carrier.localData(connection, bytes, now())),
      onEnd: ({ connection }) => this.#tell(() => carrier.localEnded(connection, now())),
      onRoom: (local) => this.#onRoom(local, 0),
      onClose: (local, error) => this.#onLocalClose(local, error),
    };
    this.#progress = new ProgressWatch(
      () => this.#locals.values(),
      (local, bytes) => this.#onRoom(local, bytes),
    );
  }

  /** Carries until the WebSocket ends, a rule is broken or `stop` is called. */
  async run(): Promise<CarrierEnd> {
    const carrier = this.#carrier;
    this.#options.socket.handle({
      onBytes: (bytes) => {
        MEMORY_WATCH.carried(bytes.length);
        this.#tell(() => carrier.tunnelBytes(bytes, now()));
      },
      onPong: (id) => this.#tell(() => carrier.tunnelPong(id, now())),
      onPing: () => this.#tell(() => carrier.tunnelPong(undefined, now())),
      onSent: () => this.#carryOut(),
      onClose: (code, reason, error) => this.#tell(() => carrier.tunnelClosed(code, reason, error, now())),
    });
    this.#carryOut();
    return this.#ended.promise;
  }

  /** Source: carries an accepted socket. */
  accept(serviceId: string, socket: Socket): void {
    const connection = this.#carrier.localAccepted(serviceId, now());
    if (connection === undefined) socket.destroy();
    else this.#adopt(connection, socket);
    this.#carryOut();
  }

  /** Source: asks for the round trip to the other end of a service, which a `pong` event tells. */
  ping(serviceId: string, isLoaded: boolean): void {
    this.#tell(() => this.#carrier.ping(serviceId, isLoaded, now()));
  }

  /** Ends every connection, tells the other side, and closes the WebSocket. */
  stop(): void {
    this.#tell(() => this.#carrier.stop(now()));
  }

  /** Resolved when its WebSocket has ended and the last local socket is gone. */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** Whether its WebSocket has ended. */
  get isOver(): boolean {
    return this.#carrier.isOver;
  }

  /** Local sockets that still write out what they have are among them after the end. */
  get locals(): Iterable<LocalSocket> {
    return this.#locals.values();
  }

  /** Entry of the service map that serves a service of the tunnel. */
  entryOf(service: string): string | undefined {
    return this.#carrier.entryOf(service);
  }

  get roundTripMs(): number | undefined {
    return this.#carrier.roundTripMs;
  }

  get endToEndMs(): number | undefined {
    return this.#carrier.endToEndMs;
  }

  get queuedBytes(): number {
    return this.#carrier.backlog;
  }

  #tell(input: () => void): void {
    input();
    this.#carryOut();
  }

  /** After every input: everything the carrier wants, then the next wake-up. */
  #carryOut(): void {
    if (this.#isCarrying) return;
    this.#isCarrying = true;
    try {
      for (let output = this.#poll(); output !== undefined; output = this.#poll()) this.#carryOutOne(output);
    } finally {
      this.#isCarrying = false;
    }
    this.#alarm.set(this.#carrier.deadline(), now());
    if (this.isOver && this.#locals.size === 0) this.#release();
  }

  #poll(): Output | undefined {
    return this.#carrier.poll(now(), this.#options.socket.bufferedBytes);
  }

  #release(): void {
    this.#alarm.clear();
    this.#progress[Symbol.dispose]();
    this.#released.resolve();
  }

  #carryOutOne(output: Output): void {
    switch (output.type) {
      case "frame":
        return this.#options.socket.send(output.bytes);
      case "ping":
        return this.#options.socket.ping(output.id);
      case "write":
        return this.#localOf(output)?.write(output.bytes);
      case "connect":
        return this.#connect(output.connection);
      case "close":
        return this.#close(output);
      case "finish":
        return this.#localOf(output)?.finish();
      case "adopt":
        return this.#takeOver(output.connection);
      case "abandon":
        return this.#localOf(output)?.reset();
      case "pause":
      case "resume":
        this.#readerOf(output)?.[output.type]();
        return;
      case "ready":
        return this.#options.onReady(output.services);
      case "event":
        return this.#options.onEvent(output.event);
      case "ended":
        return this.#end(output.end);
    }
  }

  #localOf({ connection }: { readonly connection: Connection }): LocalSocket | undefined {
    return this.#locals.get(connection.key);
  }

  #readerOf({ connection }: Output & { type: "pause" | "resume" }) {
    return connection === undefined ? this.#options.socket : this.#localOf({ connection });
  }

  #connect(connection: Connection): void {
    const { serviceId } = connection;
    try {
      const entry = this.#carrier.entryOf(serviceId) ?? "";
      this.#adopt(connection, this.#options.dial(serviceId, entry));
    } catch (error) {
      // An address that cannot even be tried ends this connection and no other.
      this.#options.log.warn(`cannot dial service "${serviceId}": ${error}`);
      this.#carrier.localClosed(connection, Why.Unreachable, this.#addressOf(connection));
    }
  }

  #adopt(connection: Connection, socket: Socket): void {
    const local = new LocalSocket(connection, socket, this.#handlers);
    this.#keep(local);
    this.#options.onOpened(local);
  }

  #keep(local: LocalSocket): void {
    const { key } = local.connection;
    this.#locals.set(key, local);
    this.#options.homes?.set(key, this);
  }

  /** The local socket of a connection that another driver held. */
  #takeOver(connection: Connection): void {
    const home = this.#options.homes?.get(connection.key);
    if (home === undefined || home === this) return;
    const local = home.#giveAway(connection);
    if (local === undefined) return;
    local.handlers = this.#handlers;
    this.#keep(local);
  }

  #giveAway(connection: Connection): LocalSocket | undefined {
    const local = this.#locals.get(connection.key);
    this.#locals.delete(connection.key);
    this.#carrier.localMoved(connection);
    // Not now: the other driver is in the middle of something that may be of the same session.
    queueMicrotask(() => this.#carryOut());
    return local;
  }

  #close({ connection, how, why }: Output & { type: "close" }): void {
    const local = this.#localOf({ connection });
    if (local === undefined) return;
    if (how === "end") local.end();
    else local.reset();
    this.#options.onClosed(local, why);
  }

  #onRoom({ connection, unreadBytes }: LocalSocket, seenBytes: number): void {
    if (this.#carrier.localRoom(connection, unreadBytes, now(), seenBytes)) this.#carryOut();
  }

  #onLocalClose(local: LocalSocket, error: Error | undefined): void {
    const { key } = local.connection;
    this.#locals.delete(key);
    this.#options.homes?.delete(key);
    if (!local.isEnded) {
      local.isEnded = true;
      this.#options.onClosed(local, error === undefined ? "closed by the application" : error.message);
    }
    const why = error === undefined ? undefined : whyOf(error, local.hasConnected);
    const address = local.hasConnected ? undefined : this.#addressOf(local.connection);
    this.#tell(() => this.#carrier.localClosed(local.connection, why, address));
  }

  #addressOf({ serviceId }: Connection): string | undefined {
    return this.#options.addressOf(this.#carrier.entryOf(serviceId) ?? "");
  }

  #end(end: CarrierEnd): void {
    if (end.type === "stopped") this.#options.socket.close(1000, "");
    else this.#options.socket.terminate();
    this.#ended.resolve(end);
  }
}

/** What the other end is told of a local socket that failed (P97). */
function whyOf(error: Error, hasConnected: boolean): Why {
  if (hasConnected) return Why.Reset;
  const code = codeOf(error);
  if (code === "ECONNREFUSED" || code === "ENOENT") return Why.Refused;
  return code === "ETIMEDOUT" ? Why.TimedOut : Why.Unreachable;
}

function now(): number {
  return performance.now();
}
