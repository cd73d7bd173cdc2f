import { describe, expect, test } from "bun:test";
import { StepWatch } from "../../../../src/emulator/server/step-watch.ts";

const HOUR_MS = 3_600_000;

function makeClocks() {
  const time = { wall: Date.UTC(2026, 0, 1), steady: 5_000 };
  const pass = (ms: number, drift = 0) => {
    time.wall += ms + drift;
    time.steady += ms;
  };
  // Whole seconds, as some runtimes tell the uptime.
  const watch = new StepWatch({
    wall: () => time.wall,
    steady: () => Math.floor(time.steady / 1_000) * 1_000,
  });
  return { time, pass, watch };
}

describe("a clock that is watched for steps", () => {
  test("tells each step once, in either direction, to a second", () => {
    const { time, pass, watch } = makeClocks();
    for (const step of [13 * HOUR_MS, -HOUR_MS, -20 * 365 * 24 * HOUR_MS, 60_000]) {
      pass(12_345);
      time.wall += step;
      expect(Math.abs(watch.take() - step)).toBeLessThan(1_000);
      expect(watch.take()).toBe(0);
    }
  });

  test("takes time that passes, asleep or awake, for no step", () => {
    const { pass, watch } = makeClocks();
    for (const ms of [1, 999, 1_000, 120_000, 9 * HOUR_MS]) {
      pass(ms);
      expect(watch.take()).toBe(0);
    }
  });

  test("takes a slow correction for no step, however much it comes to", () => {
    const { pass, watch } = makeClocks();
    for (let second = 0; second < 1_000; second += 1) {
      pass(1_000, 50);
      expect(watch.take()).toBe(0);
    }
  });
});
