// Bounds on what a flood of notifications can make an agent do. Times in milliseconds on one clock.

/** Something that may happen `burst` times at once, and after that once in `everyMs`. */
export class StartLimit {
  readonly #burst: number;
  readonly #everyMs: number;
  #used = 0;
  #at = 0;

  constructor(burst: number, everyMs: number) {
    this.#burst = burst;
    this.#everyMs = everyMs;
  }

  /** Whether it may happen now; if so, it counts. */
  take(now: number): boolean {
    this.#used = Math.max(0, this.#used - (now - this.#at) / this.#everyMs);
    this.#at = now;
    if (this.#used + 1 > this.#burst) return false;
    this.#used += 1;
    return true;
  }
}
