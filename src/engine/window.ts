import { FastestRate } from "./fastest-rate.ts";

const MIN_WINDOW_BYTES = 64 * 1024;
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
const FIRST_WINDOW_BYTES = 256 * 1024;
/** After so much a ping goes out however large the window is: its answer shows that a slow link takes something (P61). */
const SIGN_BYTES = 128 * 1024;
/** A ping unanswered for so long says that this endpoint does not answer: the window is off until one is. */
const UNANSWERED_MS = 10_000;
/** More pings than this are never open: the oldest is forgotten. */
const MAX_OPEN_PINGS = 64;

interface OpenPing {
  readonly id: number;
  readonly at: number;
  readonly sentBytes: number;
  /** What was known to have arrived when it went out. */
  readonly arrivedBytes: number;
  /** Its answer may have waited for us, or it is one of many: it tells nothing of the link. */
  isVoid: boolean;
}

/**
 * How many bytes may be on their way to the service beyond the last answered ping (P60). Without it megabytes sit in
 * kernel buffers ahead of every keystroke on a slow link; the wire has no flow control of its own.
 */
export class SendWindow {
  #sentBytes = 0;
  #answered: { readonly sentBytes: number; readonly at: number } | undefined;
  #open: OpenPing[] = [];
  #isReading = true;
  /** What was sent before the last ping that went out to measure. */
  #measuredBytes = 0;
  #lastId = 0;
  readonly #rate = new FastestRate();
  #bytes = FIRST_WINDOW_BYTES;
  #roundTripMs: number | undefined;
  #lowestRoundTripMs = Number.POSITIVE_INFINITY;

  /** Bytes were handed to the WebSocket. */
  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /**
   * The tunnel is read, or not. Unread, the answers to our pings wait with everything else: the window counts nothing
   * then, or an application that reads only once its own bytes were taken would wait for itself (P60).
   */
  setReading(isReading: boolean): void {
    this.#isReading = isReading;
    for (const ping of this.#open) ping.isVoid = true;
  }

  /** Whether one more message may be handed to the WebSocket. */
  isOpen(now: number): boolean {
    if (this.#answered === undefined || !this.#isReading || this.#isUnanswered(now)) return true;
    return this.#sentBytes - this.#answered.sentBytes < this.bytes;
  }

  /** What was sent before this moment has arrived, as far as pings tell; infinite while none is answered. */
  answeredUntil(now: number): number {
    if (this.#answered === undefined || this.#isUnanswered(now)) return Number.POSITIVE_INFINITY;
    return this.#answered.at;
  }

  /** When the last ping went out. */
  get lastPingAt(): number | undefined {
    return (this.#open.at(-1) ?? this.#answered)?.at;
  }

  /** Whether so much was sent since the last ping that the next one is due before the keep-alive asks for it. */
  get wantsPing(): boolean {
    const lastPing = this.#open.at(-1) ?? this.#answered;
    if (lastPing === undefined) return false;
    return this.#sentBytes - lastPing.sentBytes >= Math.min(SIGN_BYTES, this.bytes / 4);
  }

  /** Sent, and not known to have arrived; 0 while no ping is answered. */
  get unansweredBytes(): number {
    return this.#answered === undefined ? 0 : this.#sentBytes - this.#answered.sentBytes;
  }

  /** A ping goes out now, behind everything sent so far; returns its id. */
  ping(now: number): number {
    if (this.#open.length >= MAX_OPEN_PINGS) this.#open.shift();
    const arrivedBytes = this.#answered?.sentBytes ?? 0;
    const isSign = this.wantsPing && this.#sentBytes - this.#measuredBytes < this.bytes / 4;
    if (!isSign) this.#measuredBytes = this.#sentBytes;
    const isVoid = !this.#isReading || isSign;
    this.#open.push({ id: ++this.#lastId, at: now, sentBytes: this.#sentBytes, arrivedBytes, isVoid });
    return this.#lastId;
  }

  /** The answer to a ping came; answers to forgotten or unknown pings are ignored. */
  pong(id: number, now: number): void {
    const index = this.#open.findIndex((ping) => ping.id === id);
    const ping = this.#open[index];
    if (ping === undefined) return;
    this.#open = this.#open.slice(index + 1);
    if (!ping.isVoid) this.#measure(ping, now);
    this.#answered = ping;
  }

  #measure(ping: OpenPing, now: number): void {
    this.#roundTripMs = now - ping.at;
    this.#lowestRoundTripMs = Math.min(this.#lowestRoundTripMs, this.#roundTripMs);
    // Over the ping's whole way: answers come in bursts, and the time between two of them would show any rate.
    if (this.#answered !== undefined && now > ping.at) {
      this.#rate.add(ping.sentBytes - ping.arrivedBytes, now - ping.at);
    }
    this.#bytes =
      this.#rate.window(this.#lowestRoundTripMs, MIN_WINDOW_BYTES, MAX_WINDOW_BYTES) ?? this.#bytes;
  }

  /** Whether a ping was ever answered on this WebSocket. */
  get isAnswered(): boolean {
    return this.#answered !== undefined;
  }

  /** Last measured round trip to the service, in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  #isUnanswered(now: number): boolean {
    const oldest = this.#open[0];
    return oldest !== undefined && now - oldest.at > UNANSWERED_MS;
  }

  /** How much one message may carry, so that several fit into the window and a keystroke waits for a small one. */
  get messageBytes(): number {
    return Math.floor(this.bytes / 8);
  }

  /** Twice what the link carries in its lowest round trip, between 64 KiB and 4 MiB. */
  get bytes(): number {
    return this.#bytes;
  }
}
