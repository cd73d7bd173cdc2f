import type { TunnelError } from "../../src/base/errors.ts";
import { DestinationEngine } from "../../src/engine/destination.ts";
import type { EngineOptions } from "../../src/engine/engine.ts";
import type { Connection, Output } from "../../src/engine/output.ts";
import { SourceEngine } from "../../src/engine/source.ts";
import { MAX_PAYLOAD_BYTES } from "../../src/protocol/constants.ts";
import { decodeFrame } from "../../src/protocol/message.ts";
import type { Application, LocalSide } from "./application.ts";
import type { Clock } from "./clock.ts";
import type { Pipe } from "./pipe.ts";

/** Bytes that wait for an application at which the proxy stops reading the tunnel. */
const APPLICATION_FULL_BYTES = 8 * 1024;

/** What a proxy of the simulation has around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly up: Pipe;
  readonly down: Pipe;
  /** Bytes under way at which the WebSocket takes no more. */
  readonly fullBytes: number;
  /** Destination: an application behind the service; undefined when nobody listens. */
  dial(serviceId: string): Application | undefined;
  /** Both sides are engines: an end in good order must be complete. */
  readonly isStrict: boolean;
  /** The other side's format became known. */
  onFormat(known: number): void;
}

/** One WebSocket's life of a local proxy, seen from the world around it. */
export interface SimProxy extends LocalSide {
  receive(bytes: Uint8Array): void;
  /** Source: takes a connection; false when it refuses. */
  accept(application: Application): boolean;
  /** There is room in the tunnel, or time has passed. */
  flush(): void;
  /** The WebSocket is lost. */
  lose(): void;
  /** What must not be left when everything has ended. */
  leftovers(): string[];
}

/** An engine with a driver's duties, on virtual time. */
export class EngineProxy implements SimProxy {
  readonly #engine: SourceEngine | DestinationEngine;
  readonly #around: Surroundings;
  readonly #applications = new Map<number, Application>();
  readonly #connections = new Map<Application, Connection>();
  #timerAt = Number.POSITIVE_INFINITY;
  #isLost = false;
  #isReady = false;
  /** Connections that this driver ended while it carries out a batch of outputs, which may still name them. */
  readonly #refused = new Set<number>();

  constructor(side: "source" | "destination", options: EngineOptions, around: Surroundings) {
    this.#engine = side === "source" ? new SourceEngine(options) : new DestinationEngine(options);
    this.#around = around;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isLost) return;
    this.#engine.receive(bytes, this.#around.clock.now);
    this.flush();
  }

  accept(application: Application): boolean {
    if (!this.#isReady || this.#isLost || !(this.#engine instanceof SourceEngine)) return false;
    const connection = this.#engine.localAccepted(application.serviceId, this.#around.clock.now);
    if (connection === undefined) return false;
    this.#adopt(connection, application);
    this.flush();
    return true;
  }

  onData(application: Application, bytes: Uint8Array): void {
    this.#engine.localData(this.#connectionOf(application), bytes);
    this.flush();
  }

  onEnd(application: Application): void {
    this.#engine.localEnded(this.#connectionOf(application), this.#around.clock.now);
    this.flush();
  }

  onClose(application: Application): void {
    const connection = this.#connectionOf(application);
    this.#engine.localClosed(connection);
    this.#release(connection, application);
    this.#hold();
    this.flush();
  }

  onRead(): void {
    this.#hold();
  }

  flush(): void {
    if (this.#isLost) return;
    this.#carryOut();
    while (this.#around.up.inFlight < this.#around.fullBytes) {
      const frame = this.#engine.nextFrame(this.#around.clock.now);
      if (frame === undefined) break;
      checkFrame(frame);
      this.#around.up.send(frame);
    }
    this.#carryOut();
    this.#schedule();
  }

  lose(): void {
    this.#isLost = true;
    for (const application of this.#applications.values()) application.finish("reset");
    this.#applications.clear();
  }

  leftovers(): string[] {
    const { openConnections, backlog } = this.#engine;
    return [
      ...(openConnections > 0 ? [`${openConnections} connections in an engine`] : []),
      ...(backlog > 0 ? [`${backlog} bytes of backlog in an engine`] : []),
      ...(this.#engine.deadline() !== undefined ? ["a deadline in an engine"] : []),
      ...(this.#applications.size > 0 ? [`${this.#applications.size} applications at a proxy`] : []),
    ];
  }

  #carryOut(): void {
    for (let outputs = this.#engine.drain(); outputs.length > 0; outputs = this.#engine.drain()) {
      for (const output of outputs) this.#carryOutOne(output);
      this.#refused.clear();
    }
  }

  #carryOutOne(output: Output): void {
    switch (output.type) {
      case "ready":
        this.#isReady = true;
        return;
      case "connect":
        return this.#connect(output.connection);
      case "write": {
        if (this.#refused.has(output.connection.key)) return;
        this.#applicationOf(output.connection, "written to").take(output.bytes);
        return this.#hold();
      }
      case "close": {
        if (this.#refused.has(output.connection.key)) return;
        const application = this.#applicationOf(output.connection, "closed");
        this.#release(output.connection, application);
        application.finish(output.how);
        if (this.#around.isStrict) checkEnd(application);
        return this.#hold();
      }
      case "fail":
        throw failure(output.error);
      case "event":
        if (output.event.type === "format") this.#around.onFormat(output.event.known);
    }
  }

  #connect(connection: Connection): void {
    const application = this.#around.dial(connection.serviceId);
    if (application !== undefined) return this.#adopt(connection, application);
    this.#refused.add(connection.key);
    this.#engine.localClosed(connection);
  }

  #adopt(connection: Connection, application: Application): void {
    application.proxy = this;
    this.#applications.set(connection.key, application);
    this.#connections.set(application, connection);
  }

  #release(connection: Connection, application: Application): void {
    this.#applications.delete(connection.key);
    this.#connections.delete(application);
    application.proxy = undefined;
  }

  #connectionOf(application: Application): Connection {
    const connection = this.#connections.get(application);
    if (connection === undefined) throw new Error(`${application}: not this proxy's`);
    return connection;
  }

  /** An engine may name a connection only until it or the proxy ended it. */
  #applicationOf({ key }: Connection, what: string): Application {
    const application = this.#applications.get(key);
    if (application === undefined) throw new Error(`connection ${key} is ${what} after its end`);
    return application;
  }

  #hold(): void {
    const isFull = [...this.#applications.values()].some(({ waiting }) => waiting > APPLICATION_FULL_BYTES);
    this.#around.down.setPaused(isFull);
  }

  #schedule(): void {
    const { clock } = this.#around;
    const at = this.#engine.deadline();
    if (at === undefined || at >= this.#timerAt) return;
    this.#timerAt = at;
    clock.after(Math.max(0, at - clock.now), () => {
      if (this.#isLost) return;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#engine.tick(clock.now);
      this.flush();
    });
  }
}

/** Whoever is ended because the other side ended in good order has got everything the other side gave. */
function checkEnd(application: Application): void {
  const { partner } = application;
  if (partner === undefined || application.hasEnded) return;
  if (application.isDisturbed || partner.isDisturbed) return;
  if ((partner.isClosed || partner.hasEnded) && application.received !== partner.sent) {
    throw new Error(
      `${application}: ended with ${application.received} of ${partner.sent} bytes of ${partner}`,
    );
  }
}

function checkFrame(frame: Uint8Array): void {
  const { payload } = decodeFrame(frame);
  if (payload.length > MAX_PAYLOAD_BYTES) throw new Error(`payload of ${payload.length} bytes`);
}

function failure(error: TunnelError): Error {
  return new Error(`an engine failed: ${error.message}`, { cause: error });
}
