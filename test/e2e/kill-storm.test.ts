// kill -9 of everything, in the middle of everything. `scripts/kill-storm 100` is the long one.
import { expect, test } from "bun:test";
import { killStorm } from "../helpers/kill-storm.ts";

const KILLS = 10;
const SEED = 20_261_125;

test("whatever is killed comes back by itself, and nothing is lost, spliced, doubled or out of order", async () => {
  const { kills, faults, truncated, losses, ownEnds, conversations } = await killStorm(KILLS, SEED);
  expect({ faults, truncated, losses, ownEnds }).toEqual({
    faults: [],
    truncated: [],
    losses: [],
    ownEnds: [],
  });
  expect(kills).toHaveLength(KILLS);
  expect(conversations.whole).toBeGreaterThan(KILLS);
}, 300_000);
