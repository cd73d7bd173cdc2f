/** The two clocks of a machine, in milliseconds. */
export interface Clocks {
  /** Since 1970: may be set, forwards and backwards. */
  readonly wall: () => number;
  /** Since any moment: cannot be set, and goes on while the machine sleeps. It may be coarse, as whole seconds are. */
  readonly steady: () => number;
}

/** Less cannot be told from the coarseness of the steady clock, and ends no tunnel: the shortest lives a minute. */
const LEAST_STEP_MS = 5_000;

/** Notices that the wall clock was set. Slow corrections, as time servers make them, are no steps. */
export class StepWatch {
  readonly #clocks: Clocks;
  #offset: number;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
    this.#offset = clocks.wall() - clocks.steady();
  }

  /** By how many milliseconds the wall clock was set since the last call, 0 for not at all. */
  take(): number {
    const offset = this.#clocks.wall() - this.#clocks.steady();
    const step = offset - this.#offset;
    this.#offset = offset;
    return Math.abs(step) < LEAST_STEP_MS ? 0 : Math.round(step);
  }
}
