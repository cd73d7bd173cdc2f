// Thousands of tunnels that live and end on virtual time. SIM_RUNS asks for more runs of each kind, SIM_SEED for one.
import { describe, expect, test } from "bun:test";
import kept from "./seeds.json" with { type: "json" };
import { faultsOf, seedsOf } from "./seeds.ts";
import { PROMISES, play, TUNNELS } from "./table.ts";

const SEEDS = seedsOf(250);

describe("a tunnel between", () => {
  test.each(Object.entries(TUNNELS))(
    "%s carries every byte to whom it is for, and forgets everybody who ended",
    (_title, run) => {
      expect(faultsOf(run, SEEDS)).toEqual([]);
    },
    300_000,
  );
});

describe("a tunnel keeps its promises:", () => {
  test.each(Object.entries(PROMISES))(
    "%s",
    (_name, run) => {
      expect(faultsOf(run, SEEDS)).toEqual([]);
    },
    300_000,
  );
});

test.each(kept)("seed $seed of $play, which once failed: $why", (one) => {
  play(one.play, one.seed);
});

test.each(["ecko", "constructor"])("a name that nothing has, %s, is no play that passes", (name) => {
  expect(() => play(name, 1)).toThrow(name);
});
