/** One timer, set anew only for an earlier moment: asking for a later one costs nothing, since it rings first. */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;

  /** @param ring called at the moment set, or earlier; it sets the next one */
  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `at`, unless it rings before that anyway. */
  set(at: number, now: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(
      () => {
        this.#at = Number.POSITIVE_INFINITY;
        this.#ring();
      },
      Math.max(0, at - now),
    );
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
