import { describe, expect, test } from "bun:test";
import { LineLimit } from "../../../src/base/line-limit.ts";

describe("a line limit", () => {
  test("lets ten lines a minute through and counts the others", () => {
    const limit = new LineLimit();
    const passed = Array.from({ length: 10_000 }, () => limit.pass("refused", 5, 10)).filter(
      (n) => n !== undefined,
    );
    expect(passed).toEqual(Array(10).fill(0));
    expect(limit.pass("refused", 60_004, 10)).toBeUndefined();
    expect(limit.pass("refused", 60_005, 10)).toBe(9_991);
    expect(limit.pass("refused", 60_006, 10)).toBe(0);
  });

  test("keeps the kinds apart", () => {
    const limit = new LineLimit();
    for (let count = 0; count < 11; count += 1) limit.pass("a", 0, 10);
    expect(limit.pass("a", 0, 10)).toBeUndefined();
    expect(limit.pass("b", 0, 10)).toBe(0);
  });
});
