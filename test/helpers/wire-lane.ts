// One direction of one connection on a wire: takes bytes from one socket and gives them to the other as the weather
// allows.
import type { Socket } from "node:net";

/** How one direction of a wire behaves. */
export interface Weather {
  /** Every byte arrives so much later. */
  readonly latencyMs: number;
  /** … and up to so much later still, never overtaking the one before it. */
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  /** The connection ends, by RST or by FIN on both sides, when exactly so many of its bytes have been carried. */
  readonly cut: { readonly atByte: number; readonly by: "reset" | "end" } | undefined;
  /** Connections are accepted and kept, and nothing moves. What was sent meanwhile arrives once the hole is mended. */
  readonly isHole: boolean;
  /** Neither FIN nor RST gets through: the other side believes that its peer is still there. */
  readonly losesEnds: boolean;
}

export const FAIR: Weather = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  cut: undefined,
  isHole: false,
  losesEnds: false,
};

/** What is on its way inside the wire: a long fat cable's worth, so that latency alone costs no throughput. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
/** A throttled direction is a bottleneck with a buffer of this length, and writes in slices of a tenth of it. */
const BOTTLENECK_MS = 500;
const SLICE_MS = 50;

interface Parcel {
  readonly bytes: Uint8Array;
  readonly dueAt: number;
}

/** What a lane asks its connection. */
export interface LaneOptions {
  readonly from: Socket;
  readonly to: Socket;
  /** Asked anew for every parcel. */
  readonly weather: () => Weather;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The cut of the weather has come. */
  readonly onCut: (by: "reset" | "end") => void;
}

export class Lane {
  readonly #options: LaneOptions;
  readonly #queue: Parcel[] = [];
  #queuedBytes = 0;
  #carriedBytes = 0;
  #lastDueAt = 0;
  #freeAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isFull = false;
  #hasEnded = false;
  #isStranded = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    const { from, to } = options;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => {
      this.#hasEnded = true;
      this.wake();
    });
    from.on("error", () => this.#tellReset());
    from.on("close", () => {
      if (!this.#hasEnded) this.#tellReset();
    });
    to.on("drain", () => {
      this.#isFull = false;
      this.wake();
    });
    to.on("close", () => this.strand());
  }

  /** Carries on: the weather may have changed. */
  wake(): void {
    clearTimeout(this.#timer);
    while (!this.#isStranded && !this.#isFull && !this.#options.weather().isHole && this.#carryNext());
    this.#holdReader();
  }

  /** From now on nothing moves here, for good, and nobody is told. */
  strand(): void {
    this.#isStranded = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#options.from.pause();
  }

  #take(bytes: Uint8Array): void {
    const { weather, random } = this.#options;
    const { latencyMs, jitterMs } = weather();
    this.#lastDueAt = Math.max(this.#lastDueAt, performance.now() + latencyMs + jitterMs * random());
    this.#queue.push({ bytes, dueAt: this.#lastDueAt });
    this.#queuedBytes += bytes.length;
    this.wake();
  }

  /** Whether there may be more to carry now. */
  #carryNext(): boolean {
    const parcel = this.#queue[0];
    if (parcel === undefined) {
      this.#tellEnd();
      return false;
    }
    const wait = Math.max(parcel.dueAt, this.#freeAt) - performance.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.wake(), Math.ceil(wait));
      return false;
    }
    const { cut, bytesPerSecond } = this.#options.weather();
    const untilCut = cut === undefined ? Number.POSITIVE_INFINITY : cut.atByte - this.#carriedBytes;
    const slice = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000));
    this.#carry(parcel, Math.max(0, Math.min(parcel.bytes.length, untilCut, slice)), bytesPerSecond);
    if (cut !== undefined && this.#carriedBytes >= cut.atByte) {
      this.#options.onCut(cut.by);
      return false;
    }
    return true;
  }

  #carry({ bytes, dueAt }: Parcel, size: number, bytesPerSecond: number): void {
    if (size === bytes.length) this.#queue.shift();
    else this.#queue[0] = { bytes: bytes.subarray(size), dueAt };
    this.#queuedBytes -= size;
    this.#carriedBytes += size;
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + (size / bytesPerSecond) * 1_000;
    if (size > 0) this.#isFull = !this.#options.to.write(bytes.subarray(0, size));
  }

  /** What is still on its way is lost, as on a real wire. */
  #tellReset(): void {
    const { to, weather } = this.#options;
    if (!this.#isStranded && !weather().losesEnds) to.resetAndDestroy();
  }

  #tellEnd(): void {
    const { to, weather } = this.#options;
    if (this.#hasEnded && !weather().losesEnds && !to.writableEnded) to.end();
  }

  #holdReader(): void {
    const { from, weather } = this.#options;
    const { bytesPerSecond, isHole } = weather();
    const limit = Math.min(MAX_QUEUED_BYTES, (bytesPerSecond * BOTTLENECK_MS) / 1_000);
    if (this.#isStranded || isHole || this.#isFull || this.#queuedBytes >= limit) from.pause();
    else from.resume();
  }
}
