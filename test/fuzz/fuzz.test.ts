// Every kept seed once more, and a minute of the executions that `scripts/fuzz` does without end, always the same ones.
import { afterAll, describe, expect, test } from "bun:test";
import { Campaign, type Finding } from "./campaign.ts";
import { keepSeed, SEEDS, seedsOf } from "./seeds.ts";
import { TARGETS } from "./targets.ts";
import { Watchdog } from "./watchdog.ts";

const SEED = 1;
/** The other runtime has the same sources on other regular expressions, JSON and URLs: a part is enough. */
const SHARE = "Deno" in globalThis ? 0.1 : 1;

const watchdog = new Watchdog(
  SEEDS,
  TARGETS.map(({ name }) => name),
);
afterAll(() => watchdog.close());

describe.each(TARGETS.map((target, number) => [target.name, target, number] as const))(
  "%s",
  (name, target, number) => {
    const seeds = seedsOf(name);
    if (seeds.length > 0) {
      test.each(seeds.map((seed) => [seed.name, seed.input] as const))(
        "takes seed %s",
        async (_name, input) => {
          await target.run(input);
        },
      );
    }

    test("takes what it is given", async () => {
      const campaign = new Campaign(target, number, SEED, watchdog);
      const finding = (await campaign.begin()) ?? (await campaign.go(Math.ceil(target.suiteRuns * SHARE)));
      expect(finding === undefined ? undefined : describeFinding(name, finding)).toBeUndefined();
      expect(campaign.executions).toBeGreaterThanOrEqual(target.suiteRuns * SHARE);
    }, 120_000);
  },
);

/** Keeps the input, and says what it broke. */
function describeFinding(name: string, { input, error }: Finding): string {
  return `${error.stack ?? error.message}\nkept as ${keepSeed(name, input)}`;
}
