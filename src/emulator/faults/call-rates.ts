/** Counts what happens within a second, by name; names are a closed list of ours. */
export class CallRates {
  readonly #perSecond: number;
  readonly #times = new Map<string, readonly number[]>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether one more is allowed `now` (milliseconds); if so it counts. */
  take(name: string, now: number): boolean {
    const recent = (this.#times.get(name) ?? []).filter((time) => now - time < 1_000);
    const isAllowed = recent.length < this.#perSecond;
    this.#times.set(name, isAllowed ? [...recent, now] : recent);
    return isAllowed;
  }
}
