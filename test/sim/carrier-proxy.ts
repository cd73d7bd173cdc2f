import { Carrier } from "../../src/engine/carrier.ts";
import type { CarrierLimits, CarrierOptions } from "../../src/engine/carrier-options.ts";
import type { Session } from "../../src/engine/continuity/session.ts";
import type { CarrierEnd, Connection, Output } from "../../src/engine/output.ts";
import { MAX_PAYLOAD_BYTES } from "../../src/protocol/constants.ts";
import { decodeFrame } from "../../src/protocol/message.ts";
import type { Application, LocalSide } from "./application.ts";
import type { Clock } from "./clock.ts";
import type { Pipe } from "./pipe.ts";

/** What a proxy of the simulation has around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly up: Pipe;
  readonly down: Pipe;
  /** Destination: an application behind the service; undefined when nobody listens. */
  dial(serviceId: string): Application | undefined;
  /** Both sides are ours: an end in good order must be complete. */
  readonly isStrict: boolean;
  /** Who has the application of a connection, where these outlive their WebSocket; one for a process. */
  readonly homes?: Map<number, CarrierProxy> | undefined;
  /** Connections were held, went on or were lost. */
  onContinuity?(what: "held" | "resumed" | "lost"): void;
  /** The other side's format became known. */
  onFormat(known: number): void;
  /** The carrier ended by itself. */
  onEnd(end: CarrierEnd): void;
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
  /** Its bounds, as sentences where one is passed. */
  excess(): string[];
}

/** The carrier that runs in production, with virtual sockets. */
export class CarrierProxy implements SimProxy {
  readonly #carrier: Carrier;
  readonly #options: CarrierOptions;
  readonly #around: Surroundings;
  readonly #applications = new Map<number, Application>();
  readonly #connections = new Map<Application, Connection>();
  /** Keys of connections whose socket is gone: what was decided before may still name them. */
  readonly #gones = new Set<number>();
  #timerAt = Number.POSITIVE_INFINITY;
  #isReady = false;
  #isCarrying = false;
  #isDead = false;

  constructor(options: CarrierOptions, around: Surroundings) {
    this.#carrier = new Carrier(options, around.clock.now);
    this.#options = options;
    this.#around = around;
    this.flush();
  }

  get #now(): number {
    return this.#around.clock.now;
  }

  receive(bytes: Uint8Array): void {
    this.#carrier.tunnelBytes(bytes, this.#now);
    this.flush();
  }

  accept(application: Application): boolean {
    if (!this.#isReady) return false;
    const connection = this.#carrier.localAccepted(application.serviceId, this.#now);
    if (connection !== undefined) this.#adopt(connection, application);
    this.flush();
    return connection !== undefined;
  }

  onData(application: Application, bytes: Uint8Array): void {
    this.#carrier.localData(this.#connectionOf(application), bytes, this.#now);
    this.flush();
  }

  onEnd(application: Application): void {
    this.#carrier.localEnded(this.#connectionOf(application), this.#now);
    this.#closeIfSpoken(application);
    this.flush();
  }

  onClose(application: Application): void {
    this.#gone(application);
    this.flush();
  }

  onRead(application: Application): void {
    const connection = this.#connections.get(application);
    if (connection !== undefined) this.#carrier.localRoom(connection, application.waiting, this.#now);
    this.flush();
  }

  flush(): void {
    if (this.#isCarrying || this.#isDead) return;
    this.#isCarrying = true;
    for (let output = this.#poll(); output !== undefined; output = this.#poll()) this.#carryOut(output);
    this.#isCarrying = false;
    this.#schedule();
  }

  lose(): void {
    this.#carrier.tunnelClosed(1006, "", undefined, this.#now);
    this.flush();
  }

  /** Its process is gone: applications meet a reset, and nobody else hears anything. */
  kill(): void {
    for (const application of [...this.#applications.values()]) {
      application.proxy = undefined;
      if (application.isLive) application.finish("reset");
    }
    this.#applications.clear();
    this.#connections.clear();
    this.#isDead = true;
  }

  leftovers(): string[] {
    const { leftovers, backlog } = this.#carrier;
    return [
      ...(leftovers > 0 ? [`${leftovers} connections in a carrier`] : []),
      ...(backlog > 0 ? [`${backlog} bytes of backlog in a carrier`] : []),
      ...(this.#applications.size > 0 ? [`${this.#applications.size} applications at a proxy`] : []),
    ];
  }

  excess(): string[] {
    const { limits, continuity } = this.#options;
    if (limits === undefined) return [];
    const waiting = [...this.#applications.values()].reduce((sum, one) => sum + one.waiting, 0);
    if (continuity !== undefined) {
      return excessUnderCredit(continuity, waiting, this.#applications.size, limits);
    }
    // One WebSocket frame may come after the last decision, and one chunk from each application.
    const mayWait = limits.heldBytes + 140_000;
    return waiting > mayWait ? [`${waiting} bytes wait for applications where ${mayWait} may`] : [];
  }

  #poll(): Output | undefined {
    return this.#carrier.poll(this.#now, this.#around.up.inFlight);
  }

  #carryOut(output: Output): void {
    const { up, down, clock } = this.#around;
    switch (output.type) {
      case "frame":
        checkFrame(output.bytes);
        return up.send(output.bytes);
      case "ping":
        return up.mark(() => down.mark(() => this.#pong(output.id)));
      case "ready":
        this.#isReady = true;
        return;
      case "connect":
        return this.#connect(output.connection);
      case "write":
        return this.#write(output.connection, output.bytes);
      case "finish":
        return this.#finish(output.connection);
      case "adopt":
        return this.#take(output.connection);
      case "close":
        return this.#close(output);
      case "abandon": {
        const application = this.#applications.get(output.connection.key);
        if (application === undefined) return;
        this.#gone(application);
        return application.finish("reset");
      }
      case "pause":
      case "resume": {
        const isPaused = output.type === "pause";
        if (output.connection === undefined) return down.setPaused(isPaused);
        const application = this.#applications.get(output.connection.key);
        if (isPaused) application?.setPaused(true);
        else clock.after(0, () => application?.setPaused(false));
        return;
      }
      case "event":
        if (output.event.type === "format") this.#around.onFormat(output.event.known);
        if (output.event.type === "held" || output.event.type === "resumed" || output.event.type === "lost") {
          this.#around.onContinuity?.(output.event.type);
        }
        return;
      case "ended":
        return this.#around.onEnd(output.end);
    }
  }

  #pong(id: number): void {
    this.#carrier.tunnelPong(id, this.#now);
    this.flush();
  }

  #connect(connection: Connection): void {
    const application = this.#around.dial(connection.serviceId);
    if (application !== undefined) return this.#adopt(connection, application);
    this.#gones.add(connection.key);
    this.#carrier.localClosed(connection);
  }

  /** A carrier may name a connection only until it ended it, or was told that its socket is gone. */
  #applicationOf({ key }: Connection, what: string): Application | undefined {
    const application = this.#applications.get(key);
    if (application === undefined && !this.#gones.has(key)) {
      throw new Error(`connection ${key} is ${what} after its end`);
    }
    return application;
  }

  #write(connection: Connection, bytes: Uint8Array): void {
    const application = this.#applicationOf(connection, "written to");
    application?.take(bytes);
    if (application === undefined) return;
    this.#around.clock.after(0, () => this.onRead(application));
  }

  #close({ connection, how }: Output & { type: "close" }): void {
    const application = this.#applicationOf(connection, "closed");
    if (application === undefined) return;
    if (how === "reset") {
      this.#gone(application);
      return application.finish("reset");
    }
    application.finishAfterReading(() => {
      if (this.#around.isStrict) checkEnd(application);
      // Its own socket closes a little later.
      this.#around.clock.after(1, () => this.onClose(application));
    });
  }

  /** The partner has ended: everything it sent has been read now. */
  #finish(connection: Connection): void {
    const application = this.#applicationOf(connection, "finished");
    application?.hearEndAfterReading(() => {
      const { partner } = application;
      if (partner !== undefined && !partner.hasEnded && !partner.isClosed) {
        throw new Error(`${application}: hears the end of ${partner}, which has not ended`);
      }
      if (partner !== undefined && application.received !== partner.sent) {
        throw new Error(
          `${application}: hears the end after ${application.received} of ${partner.sent} bytes`,
        );
      }
      this.#closeIfSpoken(application);
      if (!application.staysOpen) this.#around.clock.after(1, () => application.end());
    });
  }

  /** A socket whose two directions have ended closes by itself. */
  #closeIfSpoken(application: Application): void {
    if (!application.hasEnded || !application.hasHeardEnd) return;
    this.#around.clock.after(1, () => application.close());
  }

  /** The application of a connection that another proxy of this process held. */
  #take(connection: Connection): void {
    const home = this.#around.homes?.get(connection.key);
    if (home === undefined) throw new Error(`connection ${connection.key} is at nobody's`);
    if (home === this) return;
    const application = home.#applicationOf(connection, "moved");
    if (application === undefined) throw new Error(`connection ${connection.key} has no application`);
    home.#applications.delete(connection.key);
    home.#connections.delete(application);
    home.#gones.add(connection.key);
    home.#carrier.localMoved(connection);
    this.#adopt(connection, application);
  }

  #adopt(connection: Connection, application: Application): void {
    application.proxy = this;
    this.#around.homes?.set(connection.key, this);
    this.#applications.set(connection.key, application);
    this.#connections.set(application, connection);
  }

  /** Its socket is gone. */
  #gone(application: Application): void {
    const connection = this.#connections.get(application);
    if (connection === undefined) return;
    this.#applications.delete(connection.key);
    this.#connections.delete(application);
    this.#gones.add(connection.key);
    application.proxy = undefined;
    this.#carrier.localClosed(connection);
  }

  #connectionOf(application: Application): Connection {
    const connection = this.#connections.get(application);
    if (connection === undefined) throw new Error(`${application}: not this proxy's`);
    return connection;
  }

  #schedule(): void {
    const { clock } = this.#around;
    const at = this.#carrier.deadline();
    if (at === Number.POSITIVE_INFINITY || at >= this.#timerAt) return;
    this.#timerAt = at;
    clock.after(Math.max(0, at - clock.now), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#carrier.tick(clock.now);
      this.flush();
    });
  }
}

/** What waits for applications, and what is kept for the other side, is bounded by credit alone (P95). */
function excessUnderCredit(
  session: Session,
  waiting: number,
  connections: number,
  limits: CarrierLimits,
): string[] {
  const pool = 16 * 1024 * 1024;
  const mayWait = pool + connections * 16 * 1024 + limits.heldBytes + 140_000;
  const { sendPool, receivePool } = session;
  return [
    ...(waiting > mayWait ? [`${waiting} bytes wait for applications where ${mayWait} may`] : []),
    ...(sendPool.used > pool ? [`${sendPool.used} bytes are kept`] : []),
    ...(receivePool.used > pool ? [`${receivePool.used} bytes are allowed`] : []),
    ...(Math.min(sendPool.used, receivePool.used) < 0 ? ["a pool gave back more than it had"] : []),
  ];
}

/** Whoever is ended because the other side ended in good order has got everything the other side gave. */
function checkEnd(application: Application): void {
  const { partner } = application;
  if (partner === undefined || application.isDisturbed || partner.isDisturbed) return;
  if (partner.ending === "reset" || (!partner.isClosed && !partner.hasEnded)) return;
  // Half-closed itself, it may have waited out the linger time before the rest was on its way.
  if (application.hasEnded && !application.isPatient) return;
  if (application.received !== partner.sent) {
    throw new Error(
      `${application}: ended with ${application.received} of ${partner.sent} bytes of ${partner}`,
    );
  }
}

function checkFrame(frame: Uint8Array): void {
  const { payload } = decodeFrame(frame);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new Error(`${payload.length} bytes of payload in one message`);
  }
}
