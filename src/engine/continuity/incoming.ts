import { FastestRate, MIN_ROUND_TRIP_MS } from "../fastest-rate.ts";
import { FIRST_BYTES } from "./outgoing.ts";
import type { Pool } from "./pool.ts";

/** A connection is given so much at first … */
const WINDOW_BYTES = 256 * 1024;
/** … then what its path carries, between these. */
const MIN_WINDOW_BYTES = 32 * 1024;
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
/** After so many round trips without a word the time that passed tells nothing of the path. */
const SILENT_ROUND_TRIPS = 8;
/** Part of the window that is worth a credit at once. */
const WORTH_PART = 1 / 4;

/**
 * What one connection has received: how much came, was handed to the local socket and has left it, and how much the
 * other end was allowed (P94, P95). All counts are bytes from the beginning of the connection.
 */
export class Incoming {
  received = 0;
  /** Left the local socket. */
  delivered = 0;
  /** The other end's application had so many bytes in all. */
  end: number | undefined;
  /** The end of file was handed to the local socket. */
  isEndHanded = false;
  /** The other end knows what it may send: more breaks the rule. */
  isBound = false;
  readonly #pool: Pool;
  #handed = 0;
  /** What the other end may send in all. */
  #limit = FIRST_BYTES;
  #window = WINDOW_BYTES;
  #reserved = 0;
  #toldLimit = 0;
  #toldAcknowledged = 0;
  /** The local socket is gone: what comes is taken and dropped. */
  #isDiscarding = false;
  #measuredAt: number | undefined;
  #measuredFrom = 0;
  readonly #rate = new FastestRate();

  constructor(pool: Pool) {
    this.#pool = pool;
    pool.join();
  }

  /** From now on more than the limit breaks the rule. */
  bind(): void {
    if (this.isBound) return;
    this.isBound = true;
    this.#limit = Math.max(this.#limit, this.received);
  }

  /** Bytes came. @returns false when they were more than allowed */
  receive(bytes: number): boolean {
    this.received += bytes;
    if (this.#isDiscarding) this.delivered = this.received;
    const isTooMuch = this.isBound && this.received > this.#limit;
    return !isTooMuch && (this.end === undefined || this.received <= this.end);
  }

  /** Bytes were given to the local socket. */
  hand(bytes: number): void {
    this.#handed += bytes;
  }

  /** So many of those have not left it. */
  setUnread(bytes: number): void {
    if (!this.#isDiscarding) this.delivered = Math.max(this.delivered, this.#handed - bytes);
  }

  /** Bytes that wait in the local socket. */
  get unreadBytes(): number {
    return this.#isDiscarding ? 0 : this.#handed - this.delivered;
  }

  /** The local socket is gone. */
  discard(): void {
    this.#isDiscarding = true;
    this.delivered = this.received;
    this.isEndHanded = this.end !== undefined;
  }

  /** The other end's application has ended. @returns false when that cannot be */
  finish(bytes: number): boolean {
    if (bytes < this.received || (this.end !== undefined && this.end !== bytes)) return false;
    this.end = bytes;
    if (this.#isDiscarding) this.isEndHanded = true;
    return true;
  }

  /** Whether the end of file can be handed on now, and was not. */
  get isEndDue(): boolean {
    return !this.isEndHanded && this.end === this.received;
  }

  /** Whether everything and the end of file is with the application. */
  get isDone(): boolean {
    return this.isEndHanded && this.end === this.delivered;
  }

  /** Whether the other end should hear of what was delivered: now, or some time. */
  get due(): "now" | "soon" | undefined {
    const worth = this.#windowBytes * WORTH_PART;
    const isMuch = this.delivered + this.#windowBytes - this.#toldLimit >= worth;
    if (isMuch || (this.isDone && this.#acknowledged > this.#toldAcknowledged)) return "now";
    return this.#acknowledged > this.#toldAcknowledged ? "soon" : undefined;
  }

  /** What to tell the other end. @param roundTripMs the shortest from end to end, where it is known */
  credit(
    now: number,
    roundTripMs: number | undefined,
  ): { readonly limit: number; readonly acknowledged: number } {
    this.#measure(now, roundTripMs);
    const least = this.#limit - this.delivered - FIRST_BYTES;
    this.#reserved = this.#pool.share(this.#reserved, this.#window - FIRST_BYTES, Math.max(0, least));
    this.#limit = Math.max(this.#limit, this.delivered + this.#windowBytes);
    this.#toldLimit = this.#limit;
    this.#toldAcknowledged = this.#acknowledged;
    return { limit: this.#limit, acknowledged: this.#acknowledged };
  }

  /** What was told may have been lost. */
  forgetTold(): void {
    this.#toldLimit = 0;
    this.#toldAcknowledged = 0;
  }

  release(): void {
    this.#pool.leave(this.#reserved);
    this.#reserved = 0;
  }

  get #acknowledged(): number {
    return this.delivered + (this.isDone ? 1 : 0);
  }

  get #windowBytes(): number {
    return FIRST_BYTES + this.#reserved;
  }

  /** The window is twice what the path delivers in its shortest round trip: more would only wait on the way. */
  #measure(now: number, roundTripMs: number | undefined): void {
    if (roundTripMs === undefined) return;
    const periodMs = Math.max(roundTripMs, MIN_ROUND_TRIP_MS);
    const passedMs = now - (this.#measuredAt ?? now);
    if (this.#measuredAt !== undefined && passedMs < periodMs) return;
    if (passedMs > 0 && passedMs <= SILENT_ROUND_TRIPS * periodMs) {
      this.#rate.add(this.delivered - this.#measuredFrom, passedMs);
      this.#window = this.#rate.window(periodMs, MIN_WINDOW_BYTES, MAX_WINDOW_BYTES) ?? this.#window;
    }
    this.#measuredAt = now;
    this.#measuredFrom = this.delivered;
  }
}
