import type { Socket } from "node:net";
import { type TunnelError, UnreachableError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { DestinationEngine } from "../engine/destination.ts";
import type { Connection, EngineEvent, Output } from "../engine/output.ts";
import type { SourceEngine } from "../engine/source.ts";
import type { TunnelSocket } from "../net/tunnel-socket.ts";
import { Alarm } from "./alarm.ts";
import { LocalConnection } from "./local-connection.ts";
import { StallGuard } from "./stall-guard.ts";
import type { LinkSample } from "./status.ts";
import { Uplink } from "./uplink.ts";

/** One connection's backlog at which its application is no longer read: several messages, so that turns stay fair. */
const CONNECTION_FULL_BYTES = 256 * 1024;
/** All connections' backlog at which none is read any more: the bound on memory with a thousand of them. */
const TOTAL_FULL_BYTES = 8 * 1024 * 1024;
/** How long an orderly stop waits for the last messages to leave. */
const STOP_TIMEOUT_MS = 1_000;

/** How a session's WebSocket came to its end. */
export type LinkEnd =
  | {
      readonly type: "closed";
      readonly code: number;
      readonly reason: string;
      readonly error?: Error | undefined;
    }
  | { readonly type: "failed"; readonly error: TunnelError }
  | { readonly type: "stopped" };

/** One WebSocket and the engine it drives, with its limits in milliseconds and whom it tells. */
export interface DriverOptions {
  readonly socket: TunnelSocket;
  readonly engine: SourceEngine | DestinationEngine;
  readonly stallTimeoutMs: number;
  readonly keepaliveMs: number;
  readonly log: Logger;
  /** Destination: dials the service of a connection. */
  readonly dial?: ((serviceId: string) => Socket) | undefined;
  readonly onReady: (services: readonly string[]) => void;
  readonly onEngineEvent: (event: EngineEvent) => void;
  readonly onOpened: (local: LocalConnection) => void;
  readonly onClosed: (local: LocalConnection, why: string) => void;
}

/**
 * The only place where an engine meets sockets, and the only place where backpressure is decided: it stops reading
 * applications while the tunnel is full, and the tunnel while an application is full.
 */
export class Driver {
  readonly #options: DriverOptions;
  readonly #engine: SourceEngine | DestinationEngine;
  readonly #uplink: Uplink;
  readonly #locals = new Map<number, LocalConnection>();
  readonly #paused = new Set<LocalConnection>();
  readonly #stall: StallGuard;
  readonly #ended = Promise.withResolvers<LinkEnd>();
  #isOver = false;
  #isStopping = false;
  #isReadingPaused = false;
  readonly #alarm = new Alarm(() => this.#onAlarm());

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#uplink = new Uplink(options.socket, options, now());
    this.#stall = new StallGuard(options.stallTimeoutMs);
  }

  /** Carries until the WebSocket ends, the engine fails or `stop` is called. */
  async run(): Promise<LinkEnd> {
    this.#options.socket.handle({
      onBytes: (bytes) => this.#onTunnelBytes(bytes),
      onPong: (id) => this.#onPong(id),
      onSent: () => this.#flush(),
      onClose: (code, reason, error) => this.#finish({ type: "closed", code, reason, error }),
    });
    this.#flush();
    return this.#ended.promise;
  }

  /** Source: carries an accepted socket. */
  accept(serviceId: string, socket: Socket): void {
    if (this.#isOver || this.#isStopping) {
      socket.destroy();
      return;
    }
    const connection =
      "localAccepted" in this.#engine ? this.#engine.localAccepted(serviceId, now()) : undefined;
    if (connection === undefined) socket.destroy();
    else this.#adopt(connection, socket);
    this.#flush();
  }

  /** Ends every connection, tells the other side, and closes the WebSocket. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const local of this.#locals.values()) {
      this.#engine.localClosed(local.connection);
      this.#detach(local, "proxy stopped");
      local.end();
    }
    this.#flush();
    setTimeout(() => this.#finish({ type: "stopped" }), STOP_TIMEOUT_MS).unref();
  }

  /** Where it stands now; for people, not for decisions. */
  status(): LinkSample {
    const connections = [...this.#locals.values()].map((local) => ({
      connectionId: local.connection.key,
      service: local.connection.serviceId,
      openedAt: local.openedAt,
      bytesToTunnel: local.bytesToTunnel,
      bytesFromTunnel: local.bytesFromTunnel,
    }));
    const { roundTripMs } = this.#uplink.link.window;
    return { roundTripMs, queuedBytes: this.#engine.backlog, connections };
  }

  /** Whether its WebSocket has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  #onTunnelBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const at = now();
    this.#uplink.link.received(at);
    this.#engine.receive(bytes, at);
    this.#flush();
  }

  #onPong(id: number): void {
    this.#uplink.link.pong(id, now());
    this.#flush();
  }

  /** After every input: carries out what the engine wants, sends what may be sent, and sets the next wake-up. */
  #flush(): void {
    if (this.#isOver) return;
    for (let outputs = this.#engine.drain(); outputs.length > 0; outputs = this.#engine.drain()) {
      for (const output of outputs) this.#carryOut(output);
    }
    if (this.#isOver) return;
    this.#uplink.send(now(), (at, maxBytes) => this.#engine.nextFrame(at, maxBytes));
    this.#resumeLocals();
    this.#schedule();
    const isAllSent = this.#engine.backlog === 0 && this.#options.socket.bufferedBytes === 0;
    if (this.#isStopping && isAllSent) this.#finish({ type: "stopped" });
  }

  #carryOut(output: Output): void {
    switch (output.type) {
      case "ready":
        return this.#options.onReady(output.services);
      case "connect":
        return this.#connect(output.connection);
      case "write":
        return this.#write(output.connection, output.bytes);
      case "close":
        return this.#close(output);
      case "event":
        return this.#options.onEngineEvent(output.event);
      case "fail":
        return this.#finish({ type: "failed", error: output.error });
    }
  }

  #connect(connection: Connection): void {
    try {
      const socket = this.#options.dial?.(connection.serviceId);
      if (socket !== undefined) return this.#adopt(connection, socket);
    } catch (error) {
      // An address that cannot even be tried ends this connection and no other.
      this.#options.log.warn(`cannot dial service "${connection.serviceId}": ${error}`);
    }
    this.#engine.localClosed(connection);
  }

  #adopt(connection: Connection, socket: Socket): void {
    const local = new LocalConnection(connection, socket, {
      onData: (from, bytes) => this.#onLocalData(from, bytes),
      onEnd: (from) => this.#onLocalEnd(from),
      onClose: (from, error) => this.#onLocalClose(from, error),
      onDrain: (from) => this.#onLocalDrain(from),
    });
    this.#locals.set(connection.key, local);
    this.#options.onOpened(local);
  }

  #write(connection: Connection, bytes: Uint8Array): void {
    const local = this.#locals.get(connection.key);
    if (local === undefined) return;
    local.write(bytes);
    this.#stall.update(local, now());
    this.#holdTunnel();
  }

  #close(output: Extract<Output, { type: "close" }>): void {
    const local = this.#locals.get(output.connection.key);
    if (local === undefined) return;
    this.#detach(local, output.why);
    if (output.how === "end") local.end();
    else local.reset();
  }

  #onLocalData(local: LocalConnection, bytes: Uint8Array): void {
    this.#engine.localData(local.connection, bytes);
    this.#flush();
    const isFull = this.#engine.backlogOf(local.connection) > CONNECTION_FULL_BYTES;
    if (!isFull && this.#engine.backlog <= TOTAL_FULL_BYTES) return;
    local.setPaused(true);
    this.#paused.add(local);
  }

  #onLocalEnd(local: LocalConnection): void {
    if (local.isDetached) return;
    this.#engine.localEnded(local.connection, now());
    this.#flush();
  }

  #onLocalClose(local: LocalConnection, error: Error | undefined): void {
    if (!local.isDetached) {
      this.#engine.localClosed(local.connection);
      this.#detach(local, error === undefined ? "closed by the application" : error.message);
    }
    this.#stall.remove(local);
    this.#holdTunnel();
    this.#flush();
  }

  #onLocalDrain(local: LocalConnection): void {
    this.#stall.update(local, now());
    this.#holdTunnel();
  }

  /** Detached, a socket writes out what it has and is no longer the engine's. */
  #detach(local: LocalConnection, why: string): void {
    local.isDetached = true;
    this.#locals.delete(local.connection.key);
    this.#paused.delete(local);
    this.#stall.remove(local);
    this.#options.onClosed(local, why);
  }

  #resumeLocals(): void {
    if (this.#paused.size === 0 || this.#engine.backlog > TOTAL_FULL_BYTES / 2) return;
    for (const local of this.#paused) {
      if (this.#engine.backlogOf(local.connection) > CONNECTION_FULL_BYTES / 2) continue;
      this.#paused.delete(local);
      local.setPaused(false);
    }
  }

  /** Stops or goes on reading the tunnel, as local sockets have room. */
  #holdTunnel(): void {
    if (this.#stall.isHolding === this.#isReadingPaused || this.#isOver) return;
    this.#isReadingPaused = this.#stall.isHolding;
    this.#uplink.setReadingPaused(this.#isReadingPaused, now());
    this.#schedule();
  }

  #schedule(): void {
    const stallAt = this.#stall.deadline(this.#locals.size, now()) ?? Number.POSITIVE_INFINITY;
    const at = Math.min(
      this.#uplink.link.deadline(),
      this.#engine.deadline() ?? Number.POSITIVE_INFINITY,
      stallAt,
    );
    this.#alarm.set(at, now());
  }

  #onAlarm(): void {
    const at = now();
    if (this.#uplink.link.isDead(at)) {
      return this.#finish({ type: "failed", error: new UnreachableError("the service has fallen silent") });
    }
    for (const local of this.#stall.stalled(this.#locals.size, at)) this.#giveUp(local);
    this.#holdTunnel();
    this.#engine.tick(at);
    this.#flush();
  }

  #giveUp(local: LocalConnection): void {
    this.#engine.localClosed(local.connection);
    this.#detach(
      local,
      `its application read too slowly and held up the others for ${this.#options.stallTimeoutMs / 1_000} s`,
    );
    local.reset();
  }

  /** The link is over: connections that still live end with RST, so that no application takes it for a normal end. */
  #finish(end: LinkEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#alarm.clear();
    for (const local of [...this.#locals.values()]) {
      this.#detach(local, "the link to the service was lost");
      local.reset();
    }
    if (end.type === "stopped") this.#options.socket.close(1000, "");
    else this.#options.socket.terminate();
    this.#ended.resolve(end);
  }
}

function now(): number {
  return performance.now();
}
