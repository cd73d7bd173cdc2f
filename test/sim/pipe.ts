import { MAX_WEBSOCKET_FRAME_BYTES } from "../../src/protocol/constants.ts";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** Longest delays: another room, another continent, a satellite in bad weather. */
export const DELAYS_MS = [2, 40, 700];

interface Mark {
  readonly at: number;
  readonly run: () => void;
}

/** One direction of a WebSocket: keeps the order of the bytes, delays them, cuts and joins them anew, and may be cut. */
export class Pipe {
  /** Bytes under way. */
  inFlight = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #maxDelayMs: number;
  readonly #chunks: Uint8Array[] = [];
  /** Pings and pongs, each behind the bytes that were sent before it. */
  readonly #marks: Mark[] = [];
  #sentBytes = 0;
  #deliveredBytes = 0;
  /** Bytes that have arrived, and wait only for the receiver to read. */
  #arrived = 0;
  #lastAt = 0;
  #isPaused = false;
  #isCut = false;
  #isDelivering = false;
  /** Told once so many bytes were delivered: nothing is after them. */
  #end: { readonly at: number; readonly onEnd: () => void } | undefined;

  constructor(clock: Clock, random: Random, maxDelayMs: number, deliver: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#maxDelayMs = maxDelayMs;
    this.#deliver = deliver;
  }

  send(bytes: Uint8Array): void {
    if (this.#isCut) return;
    this.#chunks.push(bytes.slice());
    this.inFlight += bytes.length;
    this.#sentBytes += bytes.length;
    for (let left = bytes.length; left > 0; ) {
      const piece = this.#random.chance(0.3) ? this.#random.int(1, this.#random.pick([1, left])) : left;
      left -= piece;
      this.#later(() => this.#arrive(piece));
    }
  }

  /** A ping or pong: `run` is called once the receiver has read everything before it, and it. */
  mark(run: () => void): void {
    const at = this.#sentBytes;
    this.#later(() => {
      this.#marks.push({ at, run });
      this.#deliverArrived();
    });
  }

  /** The receiver stops or goes on reading. */
  setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (!isPaused) this.#clock.after(0, () => this.#deliverArrived());
  }

  /** Bytes that the receiver has got. */
  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  /** Delivers up to that many bytes in all, tells so, and is cut there. */
  cutAt(bytes: number, onEnd: () => void): void {
    this.#end = { at: bytes, onEnd };
  }

  /** What is under way, and whatever follows, is lost, whole frames or not. */
  cut(): void {
    this.#isCut = true;
  }

  #later(run: () => void): void {
    const at = Math.max(this.#lastAt, this.#clock.now + this.#random.int(0, this.#maxDelayMs));
    this.#lastAt = at;
    this.#clock.after(at - this.#clock.now, run);
  }

  #arrive(bytes: number): void {
    this.#arrived += bytes;
    // Sometimes left lying, to be joined with what comes next.
    if (this.#random.chance(0.2)) this.#clock.after(this.#random.int(0, 5), () => this.#deliverArrived());
    else this.#deliverArrived();
  }

  #deliverArrived(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    this.#runMarks();
    while (this.#arrived > 0 && !this.#isPaused && !this.#isCut) {
      const size = Math.min(this.#arrived, MAX_WEBSOCKET_FRAME_BYTES, this.#untilMark(), this.#untilEnd);
      this.#arrived -= size;
      this.inFlight -= size;
      this.#deliveredBytes += size;
      this.#deliver(this.#take(size));
      this.#runMarks();
      if (this.#untilEnd === 0) this.#endNow();
    }
    this.#isDelivering = false;
  }

  get #untilEnd(): number {
    return (this.#end?.at ?? Number.POSITIVE_INFINITY) - this.#deliveredBytes;
  }

  #endNow(): void {
    const end = this.#end;
    this.#end = undefined;
    this.cut();
    if (end !== undefined) this.#clock.after(0, end.onEnd);
  }

  #untilMark(): number {
    return (this.#marks[0]?.at ?? Number.POSITIVE_INFINITY) - this.#deliveredBytes;
  }

  #runMarks(): void {
    while (this.#marks.length > 0 && this.#untilMark() <= 0 && !this.#isPaused && !this.#isCut) {
      this.#marks.shift()?.run();
    }
  }

  #take(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const chunk = this.#chunks[0] as Uint8Array;
      const part = chunk.subarray(0, size - at);
      bytes.set(part, at);
      at += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    return bytes;
  }
}
