import type { ConnectionState } from "./stream-table.ts";

/** A server that has answered last and ended has most likely said all: its client has so many round trips to go on … */
const ROUND_TRIPS = 4;
/** … or this long at least. */
const ANSWERED_MS = 100;

/**
 * Half-closed connections, and since when each has been without bytes. Only time in which bytes could have come counts
 * (P52): not while the tunnel is not read, while the application has not taken what came, or while something of its own
 * is still on its way out. Times in milliseconds.
 */
export class Linger {
  readonly #timeoutMs: number;
  readonly #quietSince = new Map<ConnectionState, number>();
  #isHearing = true;
  /** Since when the tunnel is read again: nothing could come before. */
  #hearingSince = Number.NEGATIVE_INFINITY;
  #answeredMs = ANSWERED_MS;
  /** What was sent before this moment has reached the service, as far as is known. */
  #answeredUntil = Number.POSITIVE_INFINITY;
  /** When the last message of any of them went out. */
  #lastSentAt = Number.NEGATIVE_INFINITY;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#quietSince.size;
  }

  add(state: ConnectionState, since: number): void {
    this.#quietSince.set(state, Math.max(since, this.#hearingSince));
    this.#lastSentAt = Math.max(this.#lastSentAt, state.lastSentAt ?? Number.NEGATIVE_INFINITY);
  }

  delete(state: ConnectionState): void {
    this.#quietSince.delete(state);
  }

  /** A byte came, or the way back is free again: counting begins anew. */
  touch(state: ConnectionState, now: number): void {
    if (this.#quietSince.has(state)) this.#quietSince.set(state, now);
  }

  /** A message went out: its answer can only come once it has arrived. */
  sent(state: ConnectionState, now: number): void {
    state.lastSentAt = now;
    if (!this.#quietSince.has(state)) return;
    this.#quietSince.set(state, now);
    this.#lastSentAt = now;
  }

  /** The tunnel is read, or not. */
  setHearing(isHearing: boolean, now: number): void {
    if (isHearing === this.#isHearing) return;
    this.#isHearing = isHearing;
    this.#hearingSince = now;
    for (const state of this.#quietSince.keys()) this.#quietSince.set(state, now);
  }

  /** The round trip to the service became known. */
  setRoundTrip(ms: number): void {
    this.#answeredMs = Math.max(ANSWERED_MS, ROUND_TRIPS * ms);
  }

  /** The service has answered a ping that went out at `until`; infinite where it answers none. */
  setAnswered(until: number, now: number): void {
    if (until === this.#answeredUntil) return;
    const waiting = [...this.#quietSince.keys()].filter((state) => this.#isUnanswered(state));
    this.#answeredUntil = until;
    for (const state of waiting) if (!this.#isUnanswered(state)) this.touch(state, now);
  }

  /** When the latest message went out whose arrival somebody waits for, or undefined. */
  get unansweredSince(): number | undefined {
    const isWaiting = this.#quietSince.size > 0 && this.#lastSentAt >= this.#answeredUntil;
    return isWaiting ? this.#lastSentAt : undefined;
  }

  /** Connections whose way back is given up now. */
  due(now: number, isUnsent: (state: ConnectionState) => boolean): ConnectionState[] {
    return [...this.#quietSince]
      .filter(
        ([state, since]) => this.#counts(state) && this.#deadlineOf(state, since) <= now && !isUnsent(state),
      )
      .map(([state]) => state);
  }

  /** When the first is due, or undefined. */
  deadline(isUnsent: (state: ConnectionState) => boolean): number | undefined {
    let first = Number.POSITIVE_INFINITY;
    for (const [state, since] of this.#quietSince) {
      if (this.#counts(state) && !isUnsent(state)) first = Math.min(first, this.#deadlineOf(state, since));
    }
    return first === Number.POSITIVE_INFINITY ? undefined : first;
  }

  #deadlineOf({ lastAnsweredAt, lastReceivedAt }: ConnectionState, since: number): number {
    const latest = since + this.#timeoutMs;
    const isOwedMore = lastAnsweredAt === undefined || lastAnsweredAt < (lastReceivedAt ?? lastAnsweredAt);
    return isOwedMore
      ? latest
      : Math.min(latest, Math.max(lastAnsweredAt, this.#hearingSince) + this.#answeredMs);
  }

  #counts(state: ConnectionState): boolean {
    return this.#isHearing && state.unreadBytes === 0 && !this.#isUnanswered(state);
  }

  #isUnanswered({ lastSentAt }: ConnectionState): boolean {
    return lastSentAt !== undefined && lastSentAt >= this.#answeredUntil;
  }
}
