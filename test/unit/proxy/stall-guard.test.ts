import { describe, expect, test } from "bun:test";
import type { LocalConnection } from "../../../src/proxy/local-connection.ts";
import { StallGuard } from "../../../src/proxy/stall-guard.ts";

const TIMEOUT_MS = 10_000;

/** Only what the guard looks at. */
function local(): LocalConnection & { isFull: boolean; hasRoom: boolean } {
  return { isFull: false, hasRoom: true } as LocalConnection & { isFull: boolean; hasRoom: boolean };
}

function fill(guard: StallGuard, who: ReturnType<typeof local>, isFull: boolean, now: number): void {
  Object.assign(who, { isFull, hasRoom: !isFull });
  guard.update(who, now);
}

describe("StallGuard (P62)", () => {
  test("gives up a connection that has held up the others for the stall timeout", () => {
    const guard = new StallGuard(TIMEOUT_MS);
    const slow = local();
    fill(guard, slow, true, 0);
    expect(guard.isHolding).toBe(true);
    expect(guard.stalled(2, TIMEOUT_MS - 1)).toEqual([]);
    expect(guard.stalled(2, TIMEOUT_MS)).toEqual([slow]);
  });

  test("counts all its holds, however short each is", () => {
    const guard = new StallGuard(TIMEOUT_MS);
    const slow = local();
    for (let second = 0; second < 11; second += 1) {
      fill(guard, slow, true, second * 1_000);
      expect(guard.stalled(2, second * 1_000 + 950).length).toBe(second * 900 + 950 >= TIMEOUT_MS ? 1 : 0);
      fill(guard, slow, false, second * 1_000 + 950);
    }
  });

  test("gives back what is not used: one that holds half of the time may stay", () => {
    const guard = new StallGuard(TIMEOUT_MS);
    const slow = local();
    for (let second = 0; second < 100; second += 1) {
      fill(guard, slow, true, second * 1_000);
      expect(guard.stalled(2, second * 1_000 + 500)).toEqual([]);
      fill(guard, slow, false, second * 1_000 + 500);
    }
  });

  test("lets the only connection hold as long as it likes, and counts anew when there is another", () => {
    const guard = new StallGuard(TIMEOUT_MS);
    const lone = local();
    fill(guard, lone, true, 0);
    expect(guard.stalled(1, 1_000_000)).toEqual([]);
    expect(guard.deadline(2, 1_000_000)).toBe(1_000_000 + TIMEOUT_MS);
  });

  test("forgets a connection that is gone", () => {
    const guard = new StallGuard(TIMEOUT_MS);
    const slow = local();
    fill(guard, slow, true, 0);
    guard.remove(slow);
    expect(guard.isHolding).toBe(false);
    expect(guard.deadline(2, 0)).toBeUndefined();
  });
});
