// Seeds of the tests of this folder: SIM_RUNS asks for more of them, SIM_SEED for one.

const SEED = process.env["SIM_SEED"];

/** How many there are, where nothing else is asked for. */
export function runsOf(usual: number): number {
  return Number(process.env["SIM_RUNS"] ?? usual);
}

export function seedsOf(usual: number): number[] {
  return SEED === undefined ? Array.from({ length: runsOf(usual) }, (_, index) => index + 1) : [Number(SEED)];
}

/** What went wrong, by seed: the first few. */
export function faultsOf(run: (seed: number) => void, seeds: readonly number[]): string[] {
  return seeds
    .flatMap((seed) => {
      try {
        run(seed);
        return [];
      } catch (error) {
        return [`seed ${seed}: ${error instanceof Error ? error.message : error}`];
      }
    })
    .slice(0, 5);
}
