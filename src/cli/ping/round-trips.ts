/** Round trips of one run of ping, in milliseconds. */
export class RoundTrips {
  #sent = 0;
  readonly #times: number[] = [];

  /** @param ms undefined: it was not answered */
  add(ms: number | undefined): void {
    this.#sent += 1;
    if (ms !== undefined) this.#times.push(ms);
  }

  get sent(): number {
    return this.#sent;
  }

  get back(): number {
    return this.#times.length;
  }

  /** The least time that so many of a hundred answers took at most, of those that came; undefined when none did. */
  percentile(percent: number): number | undefined {
    const sorted = this.#times.toSorted((one, other) => one - other);
    return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  }

  /** For scripts; three digits after the point. */
  get document() {
    const ms = (percent: number) => roundedMs(this.percentile(percent));
    const times = { minMs: ms(0), p50Ms: ms(50), p95Ms: ms(95), p99Ms: ms(99), maxMs: ms(100) };
    return { sent: this.sent, back: this.back, ...times };
  }

  /** For people: `10 sent, 10 back, p50 1.2 ms, p95 1.4 ms, p99 1.4 ms, max 1.4 ms`. */
  get words(): string {
    const counts = `${this.sent} sent, ${this.back} back`;
    if (this.back === 0) return counts;
    const parts = [50, 95, 99].map((percent) => `p${percent} ${msWords(this.percentile(percent))}`);
    return [counts, ...parts, `max ${msWords(this.percentile(100))}`].join(", ");
  }
}

/** `0.84 ms`, `12.3 ms`, `1204 ms`: three digits that tell something. */
export function msWords(ms = 0): string {
  const digits = ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return `${ms.toFixed(digits)} ms`;
}

export function roundedMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1_000) / 1_000;
}
