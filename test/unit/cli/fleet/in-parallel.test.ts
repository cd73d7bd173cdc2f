import { expect, test } from "bun:test";
import { inParallel } from "../../../../src/cli/fleet/in-parallel.ts";

test("each once, in order, never more than the limit at a time, and as many where there are enough", async () => {
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    begun.push(item);
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  });
  expect([begun, most]).toEqual([[1, 2, 3, 4, 5, 6, 7], 3]);
});
