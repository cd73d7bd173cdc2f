import { type CarrierOptions, LIMITS } from "./carrier-options.ts";
import { compact } from "./compact.ts";
import { Endings } from "./endings.ts";
import type { Connection, Output } from "./output.ts";
import { type Backlog, Readers } from "./readers.ts";
import { Unread } from "./unread.ts";

/**
 * The local sockets of one carrier, by how far their life has come: open, held without a stream (P99), or ending; and
 * what waits in them for their applications. Bytes and milliseconds.
 */
export class LocalSockets {
  readonly #isSource: boolean;
  readonly #isCredited: (connection: Connection) => boolean;
  readonly #open: Readers;
  readonly #held = new Map<number, Connection>();
  readonly #endings = new Endings();
  readonly #unread: Unread;
  /** What waits for applications under credit: it holds up nobody else (P94). */
  readonly #credited: Unread;
  readonly #creditedKeys = new Set<number>();

  /**
   * @param isCredited whether credit bounds what waits for a connection's application
   */
  constructor(
    options: Pick<CarrierOptions, "side" | "limits" | "stallTimeoutMs">,
    isCredited: (connection: Connection) => boolean,
  ) {
    const { side, limits = LIMITS, stallTimeoutMs } = options;
    this.#isSource = side === "source";
    this.#isCredited = isCredited;
    this.#open = new Readers(limits);
    this.#unread = new Unread(limits.heldBytes, stallTimeoutMs);
    this.#credited = new Unread(Number.POSITIVE_INFINITY, stallTimeoutMs);
  }

  /** Open, held and ending ones. */
  get size(): number {
    return this.#open.size + this.#endings.size + this.#held.size;
  }

  /** Whether any is held. */
  get hasHeld(): boolean {
    return this.#held.size > 0;
  }

  /** Whether any is ending. */
  get hasEnding(): boolean {
    return this.#endings.size > 0;
  }

  /** Whether so much waits for applications that the tunnel is not to be read. */
  get isHolding(): boolean {
    return this.#unread.isHolding;
  }

  /** Whether credit bounds what waits in every one of them, and there is one. */
  get isAllCredited(): boolean {
    return this.#open.size > 0 && this.#open.every((key) => this.#creditedKeys.has(key));
  }

  /** The open ones, as they are now. */
  get open(): readonly Connection[] {
    return this.#open.all;
  }

  /** The open one of this key. */
  get(key: number): Connection | undefined {
    return this.#open.get(key);
  }

  /** The ending one of this key. */
  endingOf(key: number): Connection | undefined {
    return this.#endings.of(key);
  }

  add(connection: Connection): void {
    this.#open.add(connection);
  }

  /** It stays open and is not read. @returns what that takes */
  hold(connection: Connection): Output {
    this.#open.remove(connection.key);
    this.#held.set(connection.key, connection);
    return { type: "pause", connection };
  }

  /** One that was held, here or by another carrier, is open again. @returns what that takes */
  adopt(output: Output & { type: "adopt" }): readonly Output[] {
    const { connection, unreadBytes } = output;
    const { key } = connection;
    this.forget(key);
    this.#open.add(connection);
    this.#creditedKeys.add(key);
    if (unreadBytes > 0) this.#credited.wrote(key, unreadBytes);
    return [output, { type: "resume", connection }];
  }

  /** An open one is to close. @returns what that takes: nothing for any other */
  close(output: Output & { type: "close" }, now: number): readonly Output[] {
    const { connection, how } = output;
    const was = this.#open.remove(connection.key);
    if (was === "unknown") return [];
    if (how === "end") this.#endings.add(connection, this.unreadBytes(connection), now);
    else this.forget(connection.key);
    // A paused reader would never hear that its application has gone.
    return how === "end" && was === "paused" ? [output, { type: "resume", connection }] : [output];
  }

  /** It is gone. @returns whether it was open or held */
  remove(key: number): boolean {
    const isLive = this.#open.remove(key) !== "unknown" || this.#held.has(key);
    this.forget(key);
    return isLive;
  }

  /** It is gone, or another carrier's, and was not open. */
  forget(key: number): void {
    this.#held.delete(key);
    this.#endings.delete(key);
    this.#unread.remove(key);
    this.#credited.remove(key);
    this.#creditedKeys.delete(key);
  }

  /** Its application sent bytes. @returns what to do: those of an ending one go nowhere */
  data(connection: Connection, bytes: number, now: number): "send" | ReturnType<Endings["data"]> {
    const { key } = connection;
    if (this.#open.get(key) === undefined) {
      return this.#held.has(key) ? "send" : this.#endings.data(key, bytes, now);
    }
    this.#open.fed(connection);
    return "send";
  }

  /** Bytes for its application. @returns them, copied where they would keep much more than themselves */
  wrote(connection: Connection, bytes: Uint8Array): Uint8Array {
    const { key } = connection;
    const unread = this.#unreadOf(connection);
    const kept = unread.bytesOf(key) > 0 ? compact(bytes) : bytes; // else it leaves at once
    unread.wrote(key, kept.length);
    return kept;
  }

  /** Bytes that wait in it. */
  unreadBytes(connection: Connection): number {
    return this.#unreadOf(connection).bytesOf(connection.key);
  }

  /** So many bytes wait in it now; of others its application took `seenBytes`. */
  room(connection: Connection, unreadBytes: number, now: number, seenBytes: number): void {
    const { key } = connection;
    this.#unreadOf(connection).room(key, unreadBytes, this.#isAlone(key), seenBytes);
    this.#endings.room(key, unreadBytes, now);
  }

  /** From now on credit bounds what waits in it. */
  credit(connection: Connection): void {
    this.#unreadOf(connection);
  }

  /** Takes time into account. @returns keys of those that have held up the others for too long */
  stalled(now: number): readonly number[] {
    // Whoever could be held up opens a connection at the source, which knows of it; a destination has to read on.
    return this.#unread.settle(now, (key) => this.#isSource && this.#isAlone(key));
  }

  /** Decides who is read, and says what changes. */
  settleReaders(backlog: Backlog): readonly Output[] {
    return this.#open.settle(backlog);
  }

  /** No ending one is given longer. */
  hurry(until: number): void {
    this.#endings.hurry(until);
  }

  /** Takes out the ending ones whose time is up. */
  overdue(now: number): readonly Connection[] {
    return this.#endings.due(now);
  }

  /** When to call `overdue`. */
  get endingDeadline(): number {
    return this.#endings.deadline;
  }

  /** When one has held up the others for too long, or undefined. */
  get stallDeadline(): number | undefined {
    return this.#unread.deadline();
  }

  /** Where it is accounted what waits for an application: with the others, until credit bounds it. */
  #unreadOf(connection: Connection): Unread {
    const { key } = connection;
    if (this.#creditedKeys.has(key)) return this.#credited;
    if (!this.#isCredited(connection)) return this.#unread;
    this.#creditedKeys.add(key);
    const bytes = this.#unread.bytesOf(key);
    this.#unread.remove(key);
    if (bytes > 0) this.#credited.wrote(key, bytes);
    return this.#credited;
  }

  /** Whether no open connection but that of a key is there; one that has ended and still writes out is none. */
  #isAlone(key: number): boolean {
    return this.#open.size === (this.#open.get(key) === undefined ? 0 : 1);
  }
}
