// Thousands of tunnels that live and end on virtual time. SIM_RUNS asks for more runs of each kind, SIM_SEED for one.
import { describe, expect, test } from "bun:test";
import { PLAYS, runPlay } from "./plays.ts";
import { PAIRINGS, runScenario } from "./scenario.ts";
import kept from "./seeds.json" with { type: "json" };

const RUNS = Number(process.env["SIM_RUNS"] ?? 250);
const SEED = process.env["SIM_SEED"];

const SEEDS = SEED === undefined ? Array.from({ length: RUNS }, (_, index) => index + 1) : [Number(SEED)];

/** What went wrong, by seed. */
function faultsOf(run: (seed: number) => void): string[] {
  return SEEDS.flatMap((seed) => {
    try {
      run(seed);
      return [];
    } catch (error) {
      return [`seed ${seed}: ${error instanceof Error ? error.message : error}`];
    }
  }).slice(0, 5);
}

describe("a tunnel between", () => {
  test.each(Object.entries(PAIRINGS))(
    "%s carries every byte to whom it is for, and forgets everybody who ended",
    (_title, pairing) => {
      expect(faultsOf((seed) => runScenario(pairing, seed))).toEqual([]);
    },
    300_000,
  );
});

describe("a tunnel keeps its promises:", () => {
  test.each(Object.keys(PLAYS))(
    "%s",
    (name) => {
      expect(faultsOf((seed) => runPlay(name, seed))).toEqual([]);
    },
    300_000,
  );
});

test.each(kept)("seed $seed of $play, which once failed: $why", ({ play, seed }) => {
  runPlay(play, seed);
});
