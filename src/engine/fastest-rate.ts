/** A shorter round trip is taken for this: event loops answer in bursts, and a tiny window would starve the link. */
export const MIN_ROUND_TRIP_MS = 20;
/** Samples that count; the fastest of them stands for what the way can do. */
const SAMPLES = 8;

/** What a way carries at its best, and how much may be on it for that (P60, P95). */
export class FastestRate {
  /** Bytes a millisecond. */
  #rates: number[] = [];

  /** So much arrived in that time, which is more than 0. */
  add(bytes: number, ms: number): void {
    this.#rates = [...this.#rates.slice(1 - SAMPLES), bytes / ms];
  }

  /**
   * Twice what arrives in the shortest round trip: more would only wait on the way.
   * @returns undefined before the first sample
   */
  window(shortestRoundTripMs: number, leastBytes: number, mostBytes: number): number | undefined {
    if (this.#rates.length === 0) return undefined;
    const wanted = 2 * Math.max(...this.#rates) * Math.max(shortestRoundTripMs, MIN_ROUND_TRIP_MS);
    return Math.min(mostBytes, Math.max(leastBytes, wanted));
  }
}
