import { type TunnelError, UnreachableError } from "../base/errors.ts";
import { Why } from "../protocol/control.ts";
import { type CarrierOptions, LIMITS } from "./carrier-options.ts";
import { Engine } from "./engine.ts";
import { Link } from "./link.ts";
import { LocalSockets } from "./local-sockets.ts";
import type { CarrierEnd, Connection, EngineOutput, Output } from "./output.ts";
import { StartWatch } from "./start-watch.ts";

/** How long an orderly stop waits for the last messages to leave, and for applications to take what is theirs. */
const STOP_MS = 1_000;

/**
 * One WebSocket of a local proxy, without sockets or clock: the messages, and every decision about pausing, stalling,
 * lingering and ending. Its driver tells it what happens and carries out what `poll` gives, until that gives nothing;
 * then it calls `tick` at `deadline()`. `now` is milliseconds of any steady clock.
 */
export class Carrier {
  readonly #options: CarrierOptions;
  readonly #engine: Engine;
  readonly #link: Link;
  readonly #locals: LocalSockets;
  /** Bytes that may wait in the WebSocket. */
  readonly #socketBytes: number;
  readonly #start: StartWatch;
  #outputs: Output[] = [];
  #stopUntil: number | undefined;
  #isOver = false;

  constructor(options: CarrierOptions, now: number) {
    this.#options = options;
    this.#engine = new Engine(options.side, options);
    this.#link = new Link(options, now, () => this.#locals.isAllCredited);
    this.#locals = new LocalSockets(options, (connection) => this.#engine.isCredited(connection));
    this.#socketBytes = (options.limits ?? LIMITS).socketBytes;
    this.#start = new StartWatch(now);
  }

  /** Bytes of one binary WebSocket frame came from the tunnel. */
  tunnelBytes(bytes: Uint8Array, now: number): void {
    if (this.#isOver) return;
    this.#link.received(now);
    this.#engine.receive(bytes, now);
  }

  /** The service answered the ping of this id; undefined: it pinged us. */
  tunnelPong(id: number | undefined, now: number): void {
    if (id === undefined) return this.#link.received(now);
    this.#link.pong(id, now);
    this.#tellAnswered(now);
  }

  /** The WebSocket is gone. */
  tunnelClosed(code: number, reason: string, error: Error | undefined, now: number): void {
    this.#finish({ type: "closed", code, reason, error, hello: this.#engine.helloFate(now) }, now);
  }

  /**
   * Source: a local connection to a service was accepted.
   * @returns undefined when it is refused: close it
   */
  localAccepted(serviceId: string, now: number): Connection | undefined {
    if (this.#isOver || this.#stopUntil !== undefined) return undefined;
    const connection = this.#engine.localAccepted(serviceId, now);
    if (connection !== undefined) this.#locals.add(connection);
    return connection;
  }

  /** A local socket gave bytes. They are kept until they are sent: do not change the buffer. */
  localData(connection: Connection, bytes: Uint8Array, now: number): void {
    const verdict = this.#locals.data(connection, bytes.length, now);
    if (verdict === "send") this.#engine.localData(connection, bytes);
    if (verdict === "pause") this.#outputs.push({ type: "pause", connection });
    if (verdict === "abandon") this.#abandon(connection);
  }

  /** A local socket will give no more bytes, but can still take some (P52). */
  localEnded(connection: Connection, now: number): void {
    this.#engine.localEnded(connection, now);
  }

  /**
   * A local socket is gone, or could not be made. What it gave before is still sent.
   * @param why for another end of ours, when it did not go in good order (P97)
   * @param address what could not be reached, in that case
   */
  localClosed(connection: Connection, why?: Why, address?: string): void {
    if (this.#locals.remove(connection.key)) this.#engine.localClosed(connection, why, address);
    this.#engine.released(connection);
  }

  /** Another carrier of the session has the local socket of a connection now, after `adopt`. */
  localMoved({ key }: Connection): void {
    this.#locals.forget(key);
  }

  /**
   * So many bytes, handed to a local socket by `write`, have not left it yet; of others the application took `seenBytes`.
   * @returns whether anything may follow from it: else `poll` need not be called
   */
  localRoom(connection: Connection, unreadBytes: number, now: number, seenBytes = 0): boolean {
    this.#locals.room(connection, unreadBytes, now, seenBytes);
    this.#engine.localUnread(connection, unreadBytes, now);
    if (this.#engine.hasControl) return true;
    return this.#locals.isHolding || this.#locals.hasEnding || this.#engine.isLingering;
  }

  /** Source: asks for the round trip to the other end of a service, which a `pong` tells; see Pings. */
  ping(serviceId: string, isLoaded: boolean, now: number): void {
    this.#engine.ping(serviceId, isLoaded && this.#stopUntil === undefined, now);
  }

  /** Ends every connection in good order, then the WebSocket: within a second, whatever anybody does. */
  stop(now: number): void {
    if (this.#stopUntil !== undefined) return;
    this.#stopUntil = now + STOP_MS;
    this.#locals.hurry(this.#stopUntil);
    this.#engine.abandon("proxy stopped");
    if (this.#isOver) return;
    for (const connection of this.#locals.open) {
      this.#engine.localClosed(connection, Why.Stopped);
      this.#closeLocal({ type: "close", connection, how: "end", why: "proxy stopped" }, now);
    }
  }

  /** Call it at `deadline()`; earlier does no harm. */
  tick(now: number): void {
    for (const connection of this.#locals.overdue(now)) this.#abandon(connection);
    if (this.#isOver) return this.#engine.tickHeld(now);
    if (this.#stopUntil !== undefined && now >= this.#stopUntil) {
      return this.#finish({ type: "stopped" }, now);
    }
    if (this.#link.isDead(now)) return this.#fail(new UnreachableError("the service has fallen silent"), now);
    this.#watchStart(now);
    this.#tellAnswered(now);
    this.#engine.tick(now);
  }

  /**
   * The next thing to do, or undefined when there is nothing until the next input.
   * @param bufferedBytes what waits in the WebSocket now
   */
  poll(now: number, bufferedBytes: number): Output | undefined {
    for (;;) {
      const output = this.#nextOutput(now);
      if (output !== undefined || this.#isOver) return output;
      const message = this.#nextMessage(now, bufferedBytes);
      if (message !== undefined) return message;
      this.#settle(now);
      if (this.#outputs.length === 0) break;
    }
    const isAllSent = this.#engine.backlog === 0 && bufferedBytes === 0;
    if (this.#stopUntil !== undefined && isAllSent) this.#finish({ type: "stopped" }, now);
    return this.#outputs.shift();
  }

  /** When to call `tick`; infinite when only an input can bring anything new. */
  deadline(): number {
    const ending = this.#locals.endingDeadline;
    if (this.#isOver) return this.#locals.hasHeld ? Math.min(ending, this.#engine.heldDeadline()) : ending;
    const startAt = this.#engine.isReady ? undefined : this.#start.deadline;
    const times = [this.#engine.deadline(), this.#locals.stallDeadline, this.#stopUntil, startAt];
    return Math.min(ending, this.#link.deadline(), ...times.map((time) => time ?? Number.POSITIVE_INFINITY));
  }

  /** Whether the WebSocket has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Last measured round trip to the service, in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#link.window.roundTripMs;
  }

  /** Last measured round trip to the other end, in milliseconds, where it is ours (P104). */
  get endToEndMs(): number | undefined {
    return this.#engine.endToEndMs;
  }

  /** Bytes that wait to be sent into the tunnel. */
  get backlog(): number {
    return this.#engine.backlog;
  }

  /** Connections, open or ending, that still have a local socket or are known to the engine. */
  get leftovers(): number {
    return this.#engine.openConnections + this.#locals.size;
  }

  /** Entry of the service map that serves a service of the tunnel. */
  entryOf(serviceId: string): string | undefined {
    return this.#engine.entryOf(serviceId);
  }

  #tellAnswered(now: number): void {
    const { window } = this.#link;
    this.#engine.setAnswered(window.answeredUntil(now), window.roundTripMs, now);
  }

  #nextOutput(now: number): Output | undefined {
    if (this.#outputs.length === 0 && (!this.#isOver || this.#locals.hasHeld)) {
      for (const output of this.#engine.drain()) this.#take(output, now);
    }
    return this.#outputs.shift();
  }

  /** What the engine wants, with what follows from it for the local socket. */
  #take(output: EngineOutput, now: number): void {
    if (output.type === "write") return this.#write(output, now);
    if (output.type === "close") return this.#closeLocal(output, now);
    if (output.type === "fail") return this.#fail(output.error, now);
    if (output.type === "hold") return void this.#outputs.push(this.#locals.hold(output.connection));
    if (output.type === "adopt") return void this.#outputs.push(...this.#locals.adopt(output));
    if (output.type === "finish" && this.#locals.get(output.connection.key) === undefined) return;
    if (output.type === "connect") this.#locals.add(output.connection);
    this.#outputs.push(output);
  }

  #write({ connection, bytes }: EngineOutput & { type: "write" }, now: number): void {
    if (this.#locals.get(connection.key) === undefined) return;
    const kept = this.#locals.wrote(connection, bytes);
    this.#engine.localHanded(connection, kept.length);
    this.#engine.localUnread(connection, this.#locals.unreadBytes(connection), now);
    this.#outputs.push({ type: "write", connection, bytes: kept });
  }

  #closeLocal(output: Output & { type: "close" }, now: number): void {
    this.#outputs.push(...this.#locals.close(output, now));
  }

  /** The next ping or frame, if the tunnel has room. */
  #nextMessage(now: number, bufferedBytes: number): Output | undefined {
    const id = this.#link.nextPing(now, this.#engine.unansweredSince);
    if (id !== undefined) return { type: "ping", id };
    if (!this.#link.mayWrite(bufferedBytes >= this.#socketBytes, now)) return undefined;
    const { window } = this.#link;
    const bytes = this.#engine.nextFrame(now, window.messageBytes);
    if (bytes === undefined) return undefined;
    window.sent(bytes.length);
    return { type: "frame", bytes };
  }

  /** Decides who is read and who is given up, once everything that may be sent has been. */
  #settle(now: number): void {
    for (const connection of this.#engine.takeCredited()) this.#locals.credit(connection);
    for (const key of this.#locals.stalled(now)) this.#giveUp(key, now);
    const isReading = !this.#locals.isHolding;
    if (isReading !== this.#link.isReading) {
      this.#link.setReading(isReading, now);
      this.#engine.setHearing(isReading, now);
      this.#outputs.push({ type: isReading ? "resume" : "pause" });
    }
    this.#outputs.push(...this.#locals.settleReaders(this.#engine.pressure));
  }

  #giveUp(key: number, now: number): void {
    const connection = this.#locals.get(key);
    const ending = this.#locals.endingOf(key);
    if (ending !== undefined) this.#abandon(ending);
    if (connection === undefined) return;
    this.#engine.localClosed(connection);
    const why = `its application read too slowly and held up the others for ${this.#options.stallTimeoutMs / 1_000} s`;
    this.#closeLocal({ type: "close", connection, how: "reset", why }, now);
  }

  #abandon(connection: Connection): void {
    this.#locals.forget(connection.key);
    this.#outputs.push({ type: "abandon", connection });
  }

  #watchStart(now: number): void {
    const due = this.#engine.isReady ? undefined : this.#start.due(now);
    if (due?.type === "give-up") this.#fail(new UnreachableError(due.why), now);
    if (due?.type === "event") this.#outputs.push(due);
  }

  #fail(error: TunnelError, now: number): void {
    this.#finish({ type: "failed", error, hello: this.#engine.helloFate(now) }, now);
  }

  /** Connections that still live end with RST, so that no application takes it for a normal end (P54). */
  #finish(end: CarrierEnd, now: number): void {
    if (this.#isOver) return;
    if (end.type === "stopped") {
      this.#engine.close();
    } else {
      this.#engine.suspend(now);
      for (const output of this.#engine.drain()) this.#take(output, now);
    }
    this.#isOver = true;
    const why = "the link to the service was lost";
    for (const connection of this.#locals.open) {
      this.#closeLocal({ type: "close", connection, how: "reset", why }, now);
    }
    this.#outputs.push({ type: "ended", end });
  }
}
