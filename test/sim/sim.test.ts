// Thousands of tunnels that live and end on virtual time. SIM_RUNS asks for more runs of each kind, SIM_SEED for one.
import { describe, expect, test } from "bun:test";
import { PAIRINGS, runScenario } from "./scenario.ts";

const RUNS = Number(process.env["SIM_RUNS"] ?? 250);
const SEED = process.env["SIM_SEED"];

/** The message of what went wrong with this seed. */
function faultOf(pairing: (typeof PAIRINGS)[string], seed: number): string | undefined {
  try {
    runScenario(pairing, seed);
  } catch (error) {
    return `seed ${seed}: ${error instanceof Error ? error.message : error}`;
  }
  return undefined;
}

describe("a tunnel between", () => {
  test.each(Object.entries(PAIRINGS))(
    "%s carries every byte to whom it is for, and forgets everybody who ended",
    (_title, pairing) => {
      const seeds =
        SEED === undefined ? Array.from({ length: RUNS }, (_, index) => index + 1) : [Number(SEED)];
      const faults = seeds.map((seed) => faultOf(pairing, seed)).filter((fault) => fault !== undefined);
      expect(faults.slice(0, 5)).toEqual([]);
    },
    300_000,
  );
});
