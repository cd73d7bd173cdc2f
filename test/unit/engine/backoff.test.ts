import { describe, expect, test } from "bun:test";
import { backoffMs } from "../../../src/engine/backoff.ts";

describe("backoffMs", () => {
  const LIMITS = { baseMs: 500, capMs: 30_000 };

  test.each([
    [0, 250],
    [1, 500],
    [3, 2_000],
    [6, 15_000],
    [5_000, 15_000],
  ])("after %d failures waits half its ceiling for an even draw: %d ms", (attempt, expected) => {
    expect(backoffMs(attempt, 0.5, LIMITS)).toBe(expected);
  });

  test("draws from nothing up to the ceiling", () => {
    expect(backoffMs(4, 0, LIMITS)).toBe(0);
    expect(backoffMs(0, 0.999_999, LIMITS)).toBe(499);
  });

  test("uses 1 s to 120 s by default", () => {
    expect(backoffMs(0, 0.5)).toBe(500);
    expect(backoffMs(100, 0.5)).toBe(60_000);
  });
});
