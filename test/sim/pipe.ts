import { MAX_WEBSOCKET_FRAME_BYTES } from "../../src/protocol/constants.ts";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** Longest delays: another room, another continent, a satellite in bad weather. */
const DELAYS_MS = [2, 40, 700];

/** One direction of a WebSocket: keeps the order of the bytes, delays them, cuts and joins them anew, and may be cut. */
export class Pipe {
  /** Bytes under way. */
  inFlight = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #maxDelayMs: number;
  readonly #chunks: Uint8Array[] = [];
  /** Bytes that have arrived, and wait only for the receiver to read. */
  #arrived = 0;
  #lastAt = 0;
  #isPaused = false;
  #isCut = false;
  #isDelivering = false;

  constructor(clock: Clock, random: Random, deliver: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#maxDelayMs = random.pick(DELAYS_MS);
    this.#deliver = deliver;
  }

  send(bytes: Uint8Array): void {
    if (this.#isCut) return;
    this.#chunks.push(bytes.slice());
    this.inFlight += bytes.length;
    for (let left = bytes.length; left > 0; ) {
      const piece = this.#random.chance(0.3) ? this.#random.int(1, this.#random.pick([1, left])) : left;
      left -= piece;
      const at = Math.max(this.#lastAt, this.#clock.now + this.#random.int(0, this.#maxDelayMs));
      this.#lastAt = at;
      this.#clock.after(at - this.#clock.now, () => this.#arrive(piece));
    }
  }

  /** The receiver stops or goes on reading. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused) this.#clock.after(0, () => this.#deliverArrived());
  }

  /** What is under way is lost, whole frames or not. */
  cut(): void {
    this.#isCut = true;
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
    while (this.#arrived > 0 && !this.#isPaused && !this.#isCut) {
      const size = Math.min(this.#arrived, MAX_WEBSOCKET_FRAME_BYTES);
      this.#arrived -= size;
      this.inFlight -= size;
      this.#deliver(this.#take(size));
    }
    this.#isDelivering = false;
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
