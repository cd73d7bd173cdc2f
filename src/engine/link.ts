import { SendWindow } from "./window.ts";

/** Periods of silence after which a link counts as dead, counted in keep-alive periods. */
const DEAD_AFTER_PERIODS = 2.5;
/** Floor of the deadline while our writes are held back: a service that holds us back does not answer pings either. */
const HELD_BACK_DEAD_MS = 60_000;

/** Times in milliseconds. */
export interface LinkOptions {
  readonly keepaliveMs: number;
  readonly stallTimeoutMs: number;
}

/** The life of one WebSocket between its opening and its end: pings, send window, and whether it is still alive (P61). */
export class Link {
  readonly window = new SendWindow();
  readonly #options: LinkOptions;
  #lastReceivedAt: number;
  #lastPingAt: number;
  #isReadingPaused = false;
  #isHeldBack = false;

  constructor(options: LinkOptions, now: number) {
    this.#options = options;
    this.#lastReceivedAt = now;
    this.#lastPingAt = Number.NEGATIVE_INFINITY;
  }

  /** Anything came from the service. */
  received(now: number): void {
    this.#lastReceivedAt = now;
  }

  pong(id: number, now: number): void {
    this.received(now);
    this.window.pong(id, now);
  }

  /** We stopped or went on reading from the service: silence proves nothing in between. */
  setReadingPaused(isPaused: boolean, now: number): void {
    this.#isReadingPaused = isPaused;
    this.#lastReceivedAt = now;
  }

  /** Our writes do not drain, or drain again. */
  setHeldBack(isHeldBack: boolean): void {
    this.#isHeldBack = isHeldBack;
  }

  /** Id of the ping to send now, if one is due. */
  nextPing(now: number): number | undefined {
    if (now < this.#lastPingAt + this.#options.keepaliveMs && !this.window.wantsPing) return undefined;
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
    return Math.min(this.#lastPingAt + this.#options.keepaliveMs, this.#deadAt() ?? Number.POSITIVE_INFINITY);
  }

  #deadAt(): number | undefined {
    if (!this.window.isAnswered || this.#isReadingPaused) return undefined;
    const { keepaliveMs, stallTimeoutMs } = this.#options;
    const patience = this.#isHeldBack
      ? Math.max(HELD_BACK_DEAD_MS, 3 * stallTimeoutMs)
      : DEAD_AFTER_PERIODS * keepaliveMs;
    return this.#lastReceivedAt + patience;
  }
}
