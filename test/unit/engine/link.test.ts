import { describe, expect, test } from "bun:test";
import { Link } from "../../../src/engine/link.ts";

const OPTIONS = { keepaliveMs: 20_000, stallTimeoutMs: 10_000 };
/** Two and a half keep-alive periods. */
const DEAD_MS = 50_000;

/** A link whose first ping, at 0, was answered at 100. */
function answered(): Link {
  const link = new Link(OPTIONS, 0);
  const id = link.nextPing(0);
  link.pong(id as number, 100);
  return link;
}

describe("Link", () => {
  test("pings at once, and again after each period", () => {
    const link = new Link(OPTIONS, 0);
    const times = [0, 1, 19_999, 20_000, 20_001, 40_000];
    expect(times.filter((at) => link.nextPing(at) !== undefined)).toEqual([0, 20_000, 40_000]);
  });

  test("pings early when the window wants it", () => {
    const link = answered();
    link.window.sent(64 * 1_024);
    expect(link.nextPing(200)).toBeDefined();
    expect(link.nextPing(201)).toBeUndefined();
  });

  test("asks for the arrival of each of many messages some times in a round trip only (P52)", () => {
    const link = answered();
    expect(link.nextPing(200, 199)).toBeDefined();
    expect([201, 202, 206].map((now) => link.nextPing(now, now - 1))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(link.deadline()).toBe(200 + 100 / 16);
    expect(link.nextPing(207, 206)).toBeDefined();
  });

  test("waits a minute for a service that holds us back where every connection has a credit (P61)", () => {
    let isAllCredited = true;
    const link = new Link(OPTIONS, 0, () => isAllCredited);
    link.pong(link.nextPing(0) as number, 100);
    link.mayWrite(true, 200);
    expect([60_099, 60_100].map((now) => link.isDead(now))).toEqual([false, true]);
    isAllCredited = false;
    expect([60_100, 180_099, 180_100].map((now) => link.isDead(now))).toEqual([false, false, true]);
  });

  test("is never dead before a first ping was answered (P61)", () => {
    const link = new Link(OPTIONS, 0);
    link.nextPing(0);
    link.received(10);
    expect(link.isDead(1_000_000_000)).toBe(false);
  });

  test("is dead after two and a half silent periods (P61)", () => {
    const link = answered();
    expect(link.isDead(100 + DEAD_MS - 1)).toBe(false);
    expect(link.isDead(100 + DEAD_MS)).toBe(true);
  });

  test("lives on by anything that comes", () => {
    const link = answered();
    link.received(40_000);
    expect(link.isDead(40_000 + DEAD_MS - 1)).toBe(false);
    expect(link.isDead(40_000 + DEAD_MS)).toBe(true);
  });

  test("is not dead while it is not read, and has the whole time afterwards (P61)", () => {
    const link = answered();
    link.setReading(false, 200);
    expect(link.isDead(10_000_000)).toBe(false);
    link.setReading(true, 500_000);
    expect(link.isDead(500_000 + DEAD_MS - 1)).toBe(false);
    expect(link.isDead(500_000 + DEAD_MS)).toBe(true);
  });

  test.each([
    ["three minutes", 10_000, 180_000],
    ["three stall times", 90_000, 270_000],
  ])("has %s while its writes are held back (P61)", (_title, stallTimeoutMs, expected) => {
    const link = new Link({ ...OPTIONS, stallTimeoutMs }, 0);
    link.pong(link.nextPing(0) as number, 100);
    expect(link.mayWrite(true, 200)).toBe(false);
    expect(link.isDead(100 + expected - 1)).toBe(false);
    expect(link.isDead(100 + expected)).toBe(true);
  });

  test("counts the shorter deadline from the moment at which its writes drain again (P61)", () => {
    const link = new Link({ keepaliveMs: 5_000, stallTimeoutMs: 10_000 }, 0);
    link.pong(link.nextPing(0) as number, 100);
    link.mayWrite(true, 200);
    expect(link.mayWrite(false, 60_000)).toBe(true);
    expect(link.isDead(60_000)).toBe(false);
    expect(link.isDead(60_000 + 12_500 - 1)).toBe(false);
    expect(link.isDead(60_000 + 12_500)).toBe(true);
  });

  test("is held back by what is unanswered, though there were room for more (P61)", () => {
    const link = answered();
    link.window.sent(64 * 1_024);
    expect(link.mayWrite(false, 200)).toBe(true);
    expect(link.isDead(100 + DEAD_MS)).toBe(false);
    link.pong(link.nextPing(200) as number, 60_000);
    expect(link.isDead(60_000 + DEAD_MS - 1)).toBe(false);
    expect(link.isDead(60_000 + DEAD_MS)).toBe(true);
  });

  test("asks to be woken for the next ping, or for its death if that is sooner", () => {
    const link = answered();
    expect(link.deadline()).toBe(20_000);
    link.nextPing(45_000);
    expect(link.deadline()).toBe(100 + DEAD_MS);
  });
});
