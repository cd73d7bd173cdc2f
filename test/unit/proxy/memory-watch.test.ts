import { expect, test } from "bun:test";
import { MemoryWatch } from "../../../src/proxy/memory-watch.ts";

const MIB = 1024 ** 2;

/** A process of a size, that shrinks to `inUse` when it collects. */
function watched(inUse: number) {
  const memory = { mib: inUse, collections: 0 };
  const watch = new MemoryWatch({
    size: () => memory.mib * MIB,
    collect() {
      memory.collections += 1;
      memory.mib = inUse;
    },
  });
  /** Grows to a size, and carries enough for a look. @returns the collections so far */
  const grow = (mib: number) => {
    memory.mib = mib;
    watch.carried(4 * MIB);
    return memory.collections;
  };
  return { watch, memory, grow };
}

test("a process that has not grown is left to the runtime's collector", () => {
  const { grow } = watched(70);
  expect([grow(90), grow(111)]).toEqual([0, 0]);
});

test("one that has grown is collected, each time", () => {
  const { grow } = watched(80);
  expect([grow(112), grow(100), grow(113)]).toEqual([1, 1, 2]);
});

test("one that uses more than that is not collected all the time", () => {
  const { grow } = watched(150);
  expect([grow(150), grow(155), grow(161), grow(162)]).toEqual([1, 1, 1, 2]);
});

test("it looks only after some megabytes", () => {
  const { watch, memory } = watched(200);
  for (let at = 0; at < 63; at += 1) watch.carried(64 * 1024);
  expect(memory.collections).toBe(0);
  watch.carried(64 * 1024);
  expect(memory.collections).toBe(1);
});

test("a runtime that cannot be told to collect is not asked", () => {
  expect(() => new MemoryWatch(undefined).carried(100 * MIB)).not.toThrow();
});
