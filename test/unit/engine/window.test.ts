import { describe, expect, test } from "bun:test";
import { SendWindow } from "../../../src/engine/window.ts";

const KIB = 1_024;

/** A window after `rounds` pings, one each `periodMs`, each behind `bytes` and answered after `roundTripMs`. */
function used(
  rounds: number,
  bytes: number,
  periodMs: number,
  roundTripMs: number,
): { window: SendWindow; now: number } {
  const window = new SendWindow();
  let now = 0;
  for (let round = 0; round < rounds; round++) {
    window.sent(bytes);
    const id = window.ping(now);
    window.pong(id, now + roundTripMs);
    now += periodMs;
  }
  return { window, now };
}

describe("SendWindow (P60)", () => {
  test("does not limit before the first answered ping", () => {
    const window = new SendWindow();
    window.sent(100 * 1_024 * KIB);
    window.ping(0);
    expect(window.isOpen(0)).toBe(true);
    expect(window.isAnswered).toBe(false);
  });

  test("begins with 256 KiB", () => {
    const { window } = used(1, 0, 10, 10);
    window.sent(256 * KIB - 1);
    expect(window.isOpen(10)).toBe(true);
    window.sent(1);
    expect(window.isOpen(10)).toBe(false);
  });

  test("opens again when a ping sent behind the bytes is answered", () => {
    const { window } = used(1, 0, 10, 10);
    window.sent(300 * KIB);
    const id = window.ping(20);
    expect(window.isOpen(20)).toBe(false);
    window.pong(id, 30);
    expect(window.isOpen(30)).toBe(true);
    expect(window.roundTripMs).toBe(10);
  });

  test("wants a ping after each 128 KiB, and learns nothing of the link by those between two quarters (P61)", () => {
    const { window, now } = used(10, 100_000_000, 100, 50);
    expect(window.bytes).toBe(4 * 1_024 * KIB);
    for (let count = 1; count <= 32; count++) {
      window.sent(128 * KIB);
      expect(window.wantsPing).toBe(true);
      window.pong(window.ping(now), now + 1_000);
      if (count === 7) expect(window.roundTripMs).toBe(50);
    }
    expect(window.roundTripMs).toBe(1_000);
    // Four were to measure: four of the eight samples are still the old ones.
    expect(window.bytes).toBe(4 * 1_024 * KIB);
  });

  test("is twice rate times shortest round trip", () => {
    expect(used(10, 400_000, 100, 50).window.bytes).toBe(2 * 8_000 * 50);
  });

  test.each([
    ["at least 64 KiB", 10, 1_000, 64 * KIB],
    ["at most 4 MiB", 100_000_000, 50, 4 * 1_024 * KIB],
  ])("is %s", (_title, bytes, roundTripMs, expected) => {
    expect(used(10, bytes, 100, roundTripMs).window.bytes).toBe(expected);
  });

  test("takes a round trip under 20 ms for 20 ms", () => {
    expect(used(10, 10_000, 100, 1).window.bytes).toBe(2 * 10_000 * 20);
  });

  test("does not take a burst of answers for a fast link", () => {
    const window = new SendWindow();
    window.pong(window.ping(0), 50);
    const ids = [100, 110, 120, 130].map((at) => {
      window.sent(8 * KIB);
      return window.ping(at);
    });
    for (const id of ids) window.pong(id, 200);
    expect(window.bytes).toBe(64 * KIB);
  });

  test("cuts messages to an eighth of it", () => {
    expect(used(10, 1_000, 100, 50).window.messageBytes).toBe(8 * KIB);
  });

  test("is off while a ping stays unanswered for more than 10 s", () => {
    const { window } = used(1, 0, 10, 10);
    window.sent(1_024 * KIB);
    window.ping(100);
    expect(window.isOpen(10_100)).toBe(false);
    expect(window.isOpen(10_101)).toBe(true);
  });

  test("wants a ping after a quarter of it", () => {
    const { window } = used(1, 0, 10, 10);
    window.sent(64 * KIB - 1);
    expect(window.wantsPing).toBe(false);
    window.sent(1);
    expect(window.wantsPing).toBe(true);
    window.ping(20);
    expect(window.wantsPing).toBe(false);
  });

  test("wants no ping before the first one", () => {
    const window = new SendWindow();
    window.sent(1_024 * KIB);
    expect(window.wantsPing).toBe(false);
  });

  test("ignores answers to unknown and to answered pings", () => {
    const { window } = used(1, 0, 10, 10);
    window.pong(99, 500);
    window.pong(1, 500);
    window.pong(Number.NaN, 500);
    expect(window.roundTripMs).toBe(10);
  });

  test("takes an answer for the pings before it too", () => {
    const window = new SendWindow();
    const ids = [1, 2, 3].map((at) => window.ping(at));
    window.pong(ids[2] as number, 10);
    window.pong(ids[0] as number, 99);
    expect(window.roundTripMs).toBe(7);
  });

  test("forgets the oldest of 65 open pings", () => {
    const window = new SendWindow();
    const ids = Array.from({ length: 65 }, (_, at) => window.ping(at));
    window.pong(ids[0] as number, 100);
    expect(window.isAnswered).toBe(false);
    window.pong(ids[1] as number, 100);
    expect(window.isAnswered).toBe(true);
  });
});
