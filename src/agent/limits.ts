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

/** Lines of one kind in one window; the rest is counted. */
const LINES = 10;
const WINDOW_MS = 60_000;

interface Window {
  readonly since: number;
  lines: number;
  /** Lines left out since the last one that was written. */
  suppressed: number;
}

/** Lets ten lines of a kind through in a minute. The kinds are a closed list, so it does not grow. */
export class LineLimit {
  readonly #windows = new Map<string, Window>();

  /** How many lines of this kind were left out before this one; undefined when this one is to be left out. */
  pass(kind: string, now: number): number | undefined {
    const window = this.#windows.get(kind);
    if (window === undefined || now - window.since >= WINDOW_MS) {
      this.#windows.set(kind, { since: now, lines: 1, suppressed: 0 });
      return window?.suppressed ?? 0;
    }
    if (window.lines >= LINES) {
      window.suppressed += 1;
      return undefined;
    }
    window.lines += 1;
    return 0;
  }
}
