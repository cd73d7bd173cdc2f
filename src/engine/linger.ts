import type { ConnectionState } from "./stream-table.ts";

/** A server that has answered last and ended has most likely said all: its client has so many round trips to go on … */
const ROUND_TRIPS = 4;
/** … or this long at least. */
const ANSWERED_MS = 100;

/** A shorter round trip lets a server go earlier; so much later at the most, as nobody is looked at again for it at once. */
const LATER_MS = 100;

/**
 * Half-closed connections, and since when each has been without bytes. Only time in which bytes could have come counts
 * (P52): not while the tunnel is not read, while the application has not taken what came, or while something of its own
 * is still on its way out. They may be thousands: none is looked at before one of them can be due. Times in
 * milliseconds.
 */
export class Linger {
  readonly #timeoutMs: number;
  readonly #quietSince = new Map<ConnectionState, number>();
  /** Those whose last message is not known to have arrived. */
  readonly #unanswered = new Set<ConnectionState>();
  #isHearing = true;
  /** Since when the tunnel is read again: nothing could come before. */
  #hearingSince = Number.NEGATIVE_INFINITY;
  #answeredMs = ANSWERED_MS;
  /** How much longer the other side may keep back what it has. */
  #graceMs = 0;
  /** What was sent before this moment has reached the service, as far as is known. */
  #answeredUntil = Number.POSITIVE_INFINITY;
  /** When the last message of any of them went out. */
  #lastSentAt = Number.NEGATIVE_INFINITY;
  /** None that counts is due earlier. */
  #next = Number.POSITIVE_INFINITY;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#quietSince.size;
  }

  add(state: ConnectionState, since: number): void {
    this.#quietSince.set(state, since);
    this.#lastSentAt = Math.max(this.#lastSentAt, state.lastSentAt ?? Number.NEGATIVE_INFINITY);
    if (this.#isUnanswered(state)) this.#unanswered.add(state);
    this.#expect(state, since);
  }

  delete(state: ConnectionState): void {
    this.#quietSince.delete(state);
    this.#unanswered.delete(state);
  }

  /** A byte came, or the way back is free again: counting begins anew. */
  touch(state: ConnectionState, now: number): void {
    if (!this.#quietSince.has(state)) return;
    this.#quietSince.set(state, now);
    this.#expect(state, now);
  }

  /** A message went out: its answer can only come once it has arrived. */
  sent(state: ConnectionState, now: number): void {
    state.lastSentAt = now;
    if (!this.#quietSince.has(state)) return;
    if (this.#isUnanswered(state)) this.#unanswered.add(state);
    this.#lastSentAt = now;
    this.touch(state, now);
  }

  /** A byte of its server went out: it may have said all. */
  answered(state: ConnectionState, now: number): void {
    state.lastAnsweredAt = now;
    const since = this.#quietSince.get(state);
    if (since !== undefined) this.#expect(state, since);
  }

  /** The tunnel is read, or not. */
  setHearing(isHearing: boolean, now: number): void {
    if (isHearing === this.#isHearing) return;
    this.#isHearing = isHearing;
    this.#hearingSince = now;
    this.#next = now + Math.min(this.#timeoutMs, this.#answeredMs);
  }

  /** The round trip to the service became known. */
  setRoundTrip(ms: number, now: number): void {
    const answeredMs = Math.max(ANSWERED_MS, ROUND_TRIPS * ms);
    if (answeredMs < this.#answeredMs) this.#next = Math.min(this.#next, now + LATER_MS);
    this.#answeredMs = answeredMs;
  }

  /** The other side may keep back what it has for so long, having heard nothing of us (P42). */
  setGrace(ms: number, now: number): void {
    if (ms < this.#graceMs && this.size > 0) this.#next = Math.min(this.#next, now + LATER_MS);
    this.#graceMs = ms;
  }

  /** The service has answered a ping that went out at `until`; infinite where it answers none. */
  setAnswered(until: number, now: number): void {
    if (until === this.#answeredUntil) return;
    const isLess = until < this.#answeredUntil;
    this.#answeredUntil = until;
    // Seldom: it answers for the first time, or again.
    if (isLess) for (const state of this.#quietSince.keys()) this.#unanswered.add(state);
    for (const state of this.#unanswered) {
      if (this.#isUnanswered(state)) continue;
      this.#unanswered.delete(state);
      if (!isLess) this.touch(state, now);
    }
  }

  /** When the latest message went out whose arrival somebody waits for, or undefined. */
  get unansweredSince(): number | undefined {
    const isWaiting = this.#quietSince.size > 0 && this.#lastSentAt >= this.#answeredUntil;
    return isWaiting ? this.#lastSentAt : undefined;
  }

  /** Connections whose way back is given up now; call it again after something unsent has gone out. */
  due(now: number, isUnsent: (state: ConnectionState) => boolean): ConnectionState[] {
    if (!this.#isHearing || now < this.#next) return [];
    const due: ConnectionState[] = [];
    this.#next = Number.POSITIVE_INFINITY;
    for (const [state, since] of this.#quietSince) {
      if (!this.#counts(state) || isUnsent(state)) continue;
      if (this.#deadlineOf(state, since) <= now) due.push(state);
      else this.#expect(state, since);
    }
    return due;
  }

  /** When to call `due`: when the first is due, or a little earlier. Undefined where none can be. */
  get deadline(): number | undefined {
    const isNone = !this.#isHearing || this.#quietSince.size === 0 || this.#next === Number.POSITIVE_INFINITY;
    return isNone ? undefined : this.#next;
  }

  #expect(state: ConnectionState, since: number): void {
    this.#next = Math.min(this.#next, this.#deadlineOf(state, since));
  }

  #deadlineOf({ lastAnsweredAt, lastReceivedAt }: ConnectionState, quietSince: number): number {
    const latest = Math.max(quietSince, this.#hearingSince) + this.#timeoutMs + this.#graceMs;
    const isOwedMore = lastAnsweredAt === undefined || lastAnsweredAt < (lastReceivedAt ?? lastAnsweredAt);
    return isOwedMore
      ? latest
      : Math.min(latest, Math.max(lastAnsweredAt, this.#hearingSince) + this.#answeredMs);
  }

  #counts(state: ConnectionState): boolean {
    return state.unreadBytes === 0 && !this.#unanswered.has(state);
  }

  #isUnanswered({ lastSentAt }: ConnectionState): boolean {
    return lastSentAt !== undefined && lastSentAt >= this.#answeredUntil;
  }
}
