// Connections that outlive their WebSockets, thousands of times on virtual time. SIM_RUNS and SIM_SEED as in sim.test.ts.
import { describe, expect, test } from "bun:test";
import { cutAtByte } from "./continuity-plays.ts";
import { faultsOf, runsOf, seedsOf } from "./seeds.ts";
import { CONTINUITY_PROMISES, CONTINUITY_TUNNELS } from "./table.ts";

const RUNS = 100;
const SEEDS = seedsOf(RUNS);

describe("two ends of ours keep what they promise:", () => {
  test.each(Object.entries(CONTINUITY_PROMISES))(
    "%s",
    (_name, run) => {
      expect(faultsOf(run, SEEDS)).toEqual([]);
    },
    300_000,
  );
});

describe("a cut at each of the first bytes", () => {
  test.each([
    ["source", "up"],
    ["source", "down"],
    ["destination", "up"],
    ["destination", "down"],
  ] as const)(
    "of the %s, %s, loses nothing",
    (side, direction) => {
      const bytes = Array.from({ length: runsOf(RUNS) }, (_, index) => index);
      expect(faultsOf((at) => void cutAtByte(side, direction, at, 1), bytes)).toEqual([]);
    },
    300_000,
  );
});

describe("a tunnel between", () => {
  test.each(Object.entries(CONTINUITY_TUNNELS))(
    "%s, carries every byte",
    (_title, run) => {
      expect(faultsOf(run, SEEDS)).toEqual([]);
    },
    300_000,
  );
});
