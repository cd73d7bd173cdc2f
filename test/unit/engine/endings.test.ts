import { describe, expect, test } from "bun:test";
import { Endings } from "../../../src/engine/endings.ts";

const CONNECTION = { key: 1, serviceId: "SSH" };
const IDLE_MS = 30_000;

function ending(unreadBytes = 100): Endings {
  const endings = new Endings();
  endings.add(CONNECTION, unreadBytes, 0);
  return endings;
}

describe("a local socket after its connection's end (P55)", () => {
  test("may take its time while it moves bytes", () => {
    const endings = ending();
    endings.room(1, 50, 20_000);
    expect(endings.due(20_000 + IDLE_MS - 1)).toEqual([]);
    expect(endings.due(20_000 + IDLE_MS)).toEqual([CONNECTION]);
    expect([endings.size, endings.deadline]).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  test("is given up when it ignores the FIN", () => {
    expect(ending(0).due(IDLE_MS)).toEqual([CONNECTION]);
  });

  test("may send what crosses the FIN, and no more after two seconds", () => {
    const endings = ending(0);
    expect(endings.data(1, 100, 2_000)).toBe("drop");
    expect(endings.data(1, 100, 2_001)).toBe("abandon");
  });

  test("that sends too much is not read until it has taken what is its own, then given up", () => {
    const endings = ending();
    expect(endings.data(1, 1024 * 1024, 10)).toBe("drop");
    expect(endings.data(1, 1, 10)).toBe("pause");
    expect(endings.due(11)).toEqual([]);
    endings.room(1, 0, 12);
    expect(endings.deadline <= 12).toBe(true);
    expect(endings.due(12)).toEqual([CONNECTION]);
  });

  test("makes room when many ignore their end: the oldest that has all that is its own goes", () => {
    const endings = ending(100);
    for (let key = 2; key <= 300; key += 1) endings.add({ key, serviceId: "SSH" }, 0, key);
    const gone = endings.due(300).map(({ key }) => key);
    expect([gone[0], gone.at(-1), endings.size]).toEqual([2, 45, 256]);
  });

  test("makes room of those that nothing was seen to move of, not of one that is still being read", () => {
    const endings = ending(100);
    for (let key = 2; key <= 256; key += 1) endings.add({ key, serviceId: "SSH" }, 0, key);
    endings.room(2, 0, 1_000);
    endings.add({ key: 257, serviceId: "SSH" }, 0, 1_001);
    expect(endings.due(1_001).map(({ key }) => key)).toEqual([3]);
  });

  test("has no more than the time of an orderly stop", () => {
    const endings = ending();
    endings.hurry(1_000);
    expect(endings.deadline).toBe(1_000);
    endings.room(1, 50, 999);
    expect(endings.due(1_000)).toEqual([CONNECTION]);
  });
});
