// Connections that outlive their WebSockets, thousands of times on virtual time. SIM_RUNS and SIM_SEED as in sim.test.ts.
import { describe, expect, test } from "bun:test";
import { CONTINUITY_PLAYS, cutAtByte } from "./continuity-plays.ts";
import { Random } from "./random.ts";
import { PAIRINGS, runScenario } from "./scenario.ts";

const RUNS = Number(process.env["SIM_RUNS"] ?? 100);
const SEED = process.env["SIM_SEED"];
const SEEDS = SEED === undefined ? Array.from({ length: RUNS }, (_, index) => index + 1) : [Number(SEED)];
const SIDES = ["source", "destination"] as const;
const RESUME_TIMEOUT_MS = 900_000;

/** What went wrong, by seed. */
function faultsOf(run: (seed: number) => void, seeds: readonly number[] = SEEDS): string[] {
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

describe("two ends of ours keep what they promise:", () => {
  test.each(Object.entries(CONTINUITY_PLAYS))(
    "%s",
    (_name, play) => {
      expect(faultsOf((seed) => play(new Random(seed)))).toEqual([]);
    },
    300_000,
  );
});

describe("a cut at each of the first bytes", () => {
  test.each(
    SIDES.flatMap((side) => (["up", "down"] as const).map((direction) => [side, direction] as const)),
  )(
    "of the %s, %s, loses nothing",
    (side, direction) => {
      const bytes = Array.from({ length: RUNS }, (_, index) => index);
      expect(faultsOf((at) => void cutAtByte(side, direction, at, 1), bytes)).toEqual([]);
    },
    300_000,
  );
});

describe.each(Object.entries(PAIRINGS))("with continuity, a tunnel between %s", (_title, pairing) => {
  test.each<[string, readonly (typeof SIDES)[number][]]>([
    ["at both", SIDES],
    ["at the source", ["source"]],
    ["at the destination", ["destination"]],
  ])(
    "carries every byte (%s)",
    (_where, sides) => {
      const continuity = { sides, resumeTimeoutMs: RESUME_TIMEOUT_MS };
      expect(faultsOf((seed) => runScenario(pairing, seed, continuity))).toEqual([]);
    },
    300_000,
  );
});
