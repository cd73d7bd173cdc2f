import { describe, expect, test } from "bun:test";
import { StartLimit } from "../../../src/agent/limits.ts";

describe("a start limit", () => {
  test("lets a burst through, then one in each period", () => {
    const limit = new StartLimit(3, 1_000);
    expect([0, 0, 0, 0, 999].map((now) => limit.take(now))).toEqual([true, true, true, false, false]);
    expect([1_000, 1_001, 2_000].map((now) => limit.take(now))).toEqual([true, false, true]);
  });

  test("recovers the whole burst and no more", () => {
    const limit = new StartLimit(2, 1_000);
    limit.take(0);
    limit.take(0);
    expect([1e9, 1e9, 1e9].map((now) => limit.take(now))).toEqual([true, true, false]);
  });
});
