import { describe, expect, test } from "bun:test";
import { Unread } from "../../../src/engine/unread.ts";

const TIMEOUT_MS = 10_000;
const HELD_BYTES = 8 * 1024 * 1024;
/** What is used of it while everybody reads, and how long nobody may before the rest is. */
const USUAL_BYTES = 2 * 1024 * 1024;
const PATIENCE_MS = 1_000;
const SLOW = 1;
const OTHER = 2;

/** The whole memory is full of what one socket does not take, since 0. */
function full(): Unread {
  const unread = new Unread(HELD_BYTES, TIMEOUT_MS);
  unread.wrote(SLOW, HELD_BYTES);
  unread.settle(-PATIENCE_MS, () => false);
  unread.settle(0, () => false);
  return unread;
}

describe("what waits for local sockets (P62)", () => {
  test("is little while everybody reads", () => {
    const unread = new Unread(HELD_BYTES, TIMEOUT_MS);
    unread.wrote(SLOW, USUAL_BYTES - 1_000);
    unread.settle(0, () => false);
    expect(unread.isHolding).toBe(false);
    unread.wrote(SLOW, 1_000);
    unread.settle(0, () => false);
    expect(unread.isHolding).toBe(true);
    unread.room(SLOW, USUAL_BYTES / 2 - 1_000, false);
    unread.settle(1, () => false);
    expect(unread.isHolding).toBe(false);
  });

  test("is more once it was held for a second: whoever waits behind it is to be seen", () => {
    const unread = new Unread(HELD_BYTES, TIMEOUT_MS);
    unread.wrote(SLOW, USUAL_BYTES);
    unread.settle(0, () => false);
    expect(unread.deadline()).toBe(PATIENCE_MS);
    expect(unread.settle(PATIENCE_MS, () => false)).toEqual([]);
    expect(unread.isHolding).toBe(false);
    expect(unread.settle(1_000_000, () => false)).toEqual([]);
    unread.wrote(SLOW, HELD_BYTES - USUAL_BYTES);
    unread.settle(1_000_000, () => false);
    expect(unread.isHolding).toBe(true);
  });

  test("gives up a socket that has held up the tunnel for the stall time, and only that", () => {
    const unread = full();
    unread.wrote(OTHER, 10);
    expect(unread.settle(TIMEOUT_MS - 1, () => false)).toEqual([]);
    expect(unread.deadline()).toBe(TIMEOUT_MS);
    expect(unread.settle(TIMEOUT_MS, () => false)).toEqual([SLOW]);
    unread.remove(SLOW);
    expect(unread.settle(TIMEOUT_MS, () => false)).toEqual([]);
    expect(unread.isHolding).toBe(false);
  });

  test("lets one that is alone go on by any byte that it is seen to take elsewhere", () => {
    const unread = full();
    for (let now = 5_000; now < 50_000; now += 5_000) {
      expect(unread.settle(now, () => false)).toEqual([]);
      unread.room(SLOW, HELD_BYTES, true, 1);
    }
    expect(unread.deadline()).toBe(45_000 + TIMEOUT_MS);
    unread.room(SLOW, HELD_BYTES, false, 1);
    expect(unread.settle(45_000 + TIMEOUT_MS, () => false)).toEqual([SLOW]);
  });

  test("lets go after every little that somebody slow takes: the sender's link lives by it (P61)", () => {
    const unread = full();
    unread.room(SLOW, HELD_BYTES - 15 * 1024, false);
    unread.settle(1, () => false);
    expect(unread.isHolding).toBe(true);
    unread.room(SLOW, HELD_BYTES - 17 * 1024, false);
    unread.settle(2, () => false);
    expect(unread.isHolding).toBe(false);
  });

  test("earns back by time in which it holds up nobody", () => {
    const unread = full();
    unread.settle(TIMEOUT_MS - 1_000, () => false);
    unread.room(SLOW, HELD_BYTES / 3, false);
    unread.settle(TIMEOUT_MS - 1_000, () => false);
    unread.settle(2 * TIMEOUT_MS, () => false);
    unread.wrote(SLOW, HELD_BYTES);
    unread.settle(2 * TIMEOUT_MS, () => false);
    expect(unread.settle(3 * TIMEOUT_MS - 1, () => false)).toEqual([]);
    expect(unread.settle(3 * TIMEOUT_MS, () => false)).toEqual([SLOW]);
  });

  test("lets a slow reader live that takes a mebibyte in each stall time", () => {
    const unread = full();
    for (let second = 1; second <= 60; second += 1) {
      unread.wrote(SLOW, 110_000);
      unread.room(SLOW, HELD_BYTES, false);
      expect(unread.settle(second * 1_000, () => false)).toEqual([]);
    }
  });

  test("gives up one that takes a few bytes now and then, unless it is alone", () => {
    const alone = full();
    const beside = full();
    let cutAt: number | undefined;
    for (let second = 1; second <= 60; second += 1) {
      for (const unread of [alone, beside]) {
        unread.wrote(SLOW, 10);
        unread.room(SLOW, HELD_BYTES, unread === alone);
      }
      expect(alone.settle(second * 1_000, () => false)).toEqual([]);
      if (beside.settle(second * 1_000, () => false).length > 0) cutAt ??= second;
    }
    expect(cutAt).toBe(11);
  });

  test("counts nothing while it is known that nobody waits", () => {
    const unread = full();
    expect(unread.settle(1_000_000, () => true)).toEqual([]);
    expect(unread.isHolding).toBe(true);
    expect(unread.settle(1_000_000 + TIMEOUT_MS, () => false)).toEqual([SLOW]);
  });

  test("counts a cost for each write, so that single bytes are bounded as well", () => {
    const unread = new Unread(HELD_BYTES, TIMEOUT_MS);
    for (let count = 0; count < USUAL_BYTES / 257 + 1; count += 1) unread.wrote(SLOW, 1);
    unread.settle(0, () => false);
    expect(unread.isHolding).toBe(true);
  });

  test("many small ones share the blame", () => {
    const unread = new Unread(HELD_BYTES, TIMEOUT_MS);
    for (let key = 1; key <= 100; key += 1) unread.wrote(key, HELD_BYTES / 100);
    unread.settle(-PATIENCE_MS, () => false);
    unread.settle(0, () => false);
    expect(unread.settle(TIMEOUT_MS, () => false)).toHaveLength(100);
  });
});
