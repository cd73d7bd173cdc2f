import { describe, expect, test } from "bun:test";
import { LineLimit, StartLimit } from "../../../src/agent/limits.ts";

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

describe("a line limit", () => {
  test("lets ten lines a minute through and counts the others", () => {
    const limit = new LineLimit();
    const passed = Array.from({ length: 10_000 }, () => limit.pass("refused", 5)).filter(
      (n) => n !== undefined,
    );
    expect(passed).toEqual(Array(10).fill(0));
    expect(limit.pass("refused", 60_004)).toBeUndefined();
    expect(limit.pass("refused", 60_005)).toBe(9_991);
    expect(limit.pass("refused", 60_006)).toBe(0);
  });

  test("keeps the kinds apart", () => {
    const limit = new LineLimit();
    for (let count = 0; count < 11; count += 1) limit.pass("a", 0);
    expect(limit.pass("a", 0)).toBeUndefined();
    expect(limit.pass("b", 0)).toBe(0);
  });
});
