import { SendWindow } from "./window.ts";

/** Periods of silence after which a link counts as dead, counted in keep-alive periods. */
const DEAD_AFTER_PERIODS = 2.5;
/**
 * Floor of the deadline while our writes are held back: a service that holds us back answers no pings either, and reads
 * a message of ours again only when a slow application at the far end has made room for it.
 */
const HELD_BACK_DEAD_MS = 180_000;
/** The same where no application at the far end can hold up the tunnel, as each has its own credit (P94). */
const CREDITED_DEAD_MS = 60_000;
/** So much unanswered may be held back, though there is room for more: buffers on the way take less without being read. */
const HELD_BACK_BYTES = 64 * 1024;
/** Pings that somebody waits for are so many in a round trip at the most: more would be forgotten before their answers. */
const PINGS_PER_ROUND_TRIP = 16;
/** While nothing is read, only a write that fails tells that the service is gone: a ping goes out this often. */
const UNREAD_PING_MS = 1_000;

/** Times in milliseconds. */
export interface LinkOptions {
  readonly keepaliveMs: number;
  readonly stallTimeoutMs: number;
}

/** The life of one WebSocket between its opening and its end: pings, send window, and whether it is still alive (P61). */
export class Link {
  readonly window = new SendWindow();
  readonly #options: LinkOptions;
  /** Last sign of life. */
  #aliveAt: number;
  #lastPingAt: number;
  /** When a ping goes out that somebody waits for, and that would be too early now. */
  #awaitedAt = Number.POSITIVE_INFINITY;
  #isReading = true;
  #isHeldBack = false;
  readonly #isAllCredited: () => boolean;

  /** @param isAllCredited whether every connection has a credit of its own */
  constructor(options: LinkOptions, now: number, isAllCredited: () => boolean = () => false) {
    this.#options = options;
    this.#isAllCredited = isAllCredited;
    this.#aliveAt = now;
    this.#lastPingAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether the tunnel is read: the one place where this is known. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Anything came from the service, a ping of its own included. */
  received(now: number): void {
    this.#aliveAt = now;
  }

  pong(id: number, now: number): void {
    this.received(now);
    this.window.pong(id, now);
  }

  /** We stopped or went on reading from the service: silence proves nothing in between. */
  setReading(isReading: boolean, now: number): void {
    this.#isReading = isReading;
    this.#aliveAt = now;
    this.window.setReading(isReading);
  }

  /**
   * Whether one more message may be written. Where that was held back before, it is a sign of life, and the shorter
   * deadline counts from now.
   * @param isFull the WebSocket has enough that waits
   */
  mayWrite(isFull: boolean, now: number): boolean {
    const mayWrite = !isFull && this.window.isOpen(now);
    if (this.#isHeldBack && mayWrite) this.#aliveAt = now;
    this.#isHeldBack = !mayWrite;
    return mayWrite;
  }

  /**
   * Id of the ping to send now, if one is due.
   * @param awaited somebody waits for the arrival of what was sent at this moment
   */
  nextPing(now: number, awaited: number | undefined = undefined): number | undefined {
    const isAwaited = awaited !== undefined && awaited < now && (this.window.lastPingAt ?? now) <= awaited;
    const nextAwaitedAt = this.#lastPingAt + (this.window.roundTripMs ?? 0) / PINGS_PER_ROUND_TRIP;
    const isDue = now >= this.#nextPingAt || this.window.wantsPing || (isAwaited && now >= nextAwaitedAt);
    this.#awaitedAt = isAwaited && !isDue ? nextAwaitedAt : Number.POSITIVE_INFINITY;
    if (!isDue) return undefined;
    this.#lastPingAt = now;
    return this.window.ping(now);
  }

  /** Whether the service has been silent for too long. Armed by the first answered ping (P61). */
  isDead(now: number): boolean {
    const deadline = this.#deadAt();
    return deadline !== undefined && now >= deadline;
  }

  /** When to ask `nextPing` and `isDead` again. */
  deadline(): number {
    return Math.min(this.#nextPingAt, this.#awaitedAt, this.#deadAt() ?? Number.POSITIVE_INFINITY);
  }

  get #nextPingAt(): number {
    const { keepaliveMs } = this.#options;
    return this.#lastPingAt + (this.#isReading ? keepaliveMs : Math.min(keepaliveMs, UNREAD_PING_MS));
  }

  #deadAt(): number | undefined {
    if (!this.window.isAnswered || !this.#isReading) return undefined;
    const { keepaliveMs, stallTimeoutMs } = this.#options;
    const isHeldBack = this.#isHeldBack || this.window.unansweredBytes >= HELD_BACK_BYTES;
    const soon = DEAD_AFTER_PERIODS * keepaliveMs;
    if (!isHeldBack) return this.#aliveAt + soon;
    const later = this.#isAllCredited() ? CREDITED_DEAD_MS : Math.max(HELD_BACK_DEAD_MS, 3 * stallTimeoutMs);
    return this.#aliveAt + Math.max(soon, later);
  }
}
