import { describe, expect, test } from "bun:test";
import { Linger } from "../../../src/engine/linger.ts";
import type { ConnectionState } from "../../../src/engine/stream-table.ts";

const LINGER_MS = 1_000;
/** As many as there may be (P29). */
const MANY = 4_096;

/** @param onLook called whenever somebody asks whether it counts */
function stateOf(key: number, onLook = () => {}): ConnectionState {
  return {
    connection: { key, serviceId: "SSH" },
    stream: undefined,
    connectionId: key,
    sentBytes: 0,
    ended: true,
    closed: false,
    lastReceivedAt: undefined,
    lastSentAt: undefined,
    lastAnsweredAt: undefined,
    get unreadBytes() {
      onLook();
      return 0;
    },
    set unreadBytes(_bytes) {},
  };
}

/** Thousands that are half-closed since 0, and how many of them were looked at since the last question. */
function crowd(): {
  linger: Linger;
  states: ConnectionState[];
  due: (now: number) => ConnectionState[];
  looks: () => number;
} {
  const linger = new Linger(LINGER_MS);
  let looks = 0;
  const onLook = () => {
    looks += 1;
  };
  const states = Array.from({ length: MANY }, (_, index) => stateOf(index + 1, onLook));
  for (const state of states) linger.add(state, 0);
  const due = (now: number) => linger.due(now, () => false);
  const taken = () => {
    const count = looks;
    looks = 0;
    return count;
  };
  return { linger, states, due, looks: taken };
}

describe("thousands of half-closed connections (P52)", () => {
  test("are not looked at before one of them can be due", () => {
    const { due, looks, linger } = crowd();
    for (let now = 0; now < LINGER_MS; now++) expect(due(now)).toEqual([]);
    expect([looks(), linger.deadline]).toEqual([0, LINGER_MS]);
    expect(due(LINGER_MS)).toHaveLength(MANY);
  });

  test("are looked at a few times in a second in which messages come and go for all of them", () => {
    const { linger, states, due, looks } = crowd();
    const steps = 10_000;
    for (let step = 0; step < steps; step++) {
      const now = (step * LINGER_MS) / steps;
      const state = states[(step * 7) % MANY] as ConnectionState;
      linger.touch(state, now);
      linger.setAnswered(now - 1, now);
      linger.setRoundTrip(step % 2 === 0 ? 30 : 40, now);
      linger.setHearing(step % 3 === 0, now);
      expect(due(now)).toEqual([]);
    }
    expect(looks()).toBeLessThanOrEqual(12 * MANY);
  });

  test("of which one is touched all the time cost one look each, when they are due", () => {
    const { linger, states, due, looks } = crowd();
    const [busy] = states as [ConnectionState];
    for (let now = 0; now < 5 * LINGER_MS; now++) {
      linger.touch(busy, now);
      for (const state of due(now)) linger.delete(state);
    }
    expect(linger.size).toBe(1);
    expect(looks()).toBeLessThanOrEqual(MANY + 10);
  });
});

test("one whose last bytes wait to be sent is due once they are out", () => {
  const linger = new Linger(LINGER_MS);
  const state = stateOf(1);
  linger.add(state, 0);
  expect(linger.due(5_000, () => true)).toEqual([]);
  expect(linger.deadline).toBeUndefined();
  linger.answered(state, 6_000);
  expect(linger.due(6_000, () => false)).toEqual([state]);
});

test("one that was answered is due when the ping behind its last byte is, and its time over", () => {
  const linger = new Linger(LINGER_MS);
  const state = stateOf(1);
  linger.setAnswered(0, 0);
  linger.add(state, 10);
  linger.sent(state, 20);
  expect(linger.due(9_000, () => false)).toEqual([]);
  linger.setAnswered(21, 9_000);
  expect([linger.due(9_999, () => false), linger.deadline]).toEqual([[], 10_000]);
  expect(linger.due(10_000, () => false)).toEqual([state]);
});
