import { describe, expect, test } from "bun:test";
import { Incoming } from "../../../../src/engine/continuity/incoming.ts";
import { Pool } from "../../../../src/engine/continuity/pool.ts";

const FIRST = 16 * 1024;
const WINDOW = 256 * 1024;
const PLENTY = 64 * WINDOW;

/** Takes so many bytes, all of which the application has read. */
function read(incoming: Incoming, bytes: number): void {
  incoming.receive(bytes);
  incoming.hand(bytes);
  incoming.setUnread(0);
}

describe("what a connection has received", () => {
  test("may reach the first bytes before any credit, and no more once the other end knows (P94)", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.bind();
    expect(incoming.receive(FIRST)).toBe(true);
    expect(incoming.receive(1)).toBe(false);
  });

  test("may be more than that while the other end cannot know", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    expect(incoming.receive(10 * FIRST)).toBe(true);
    incoming.bind();
    expect(incoming.receive(1)).toBe(false);
  });

  test("is given 256 KiB beyond what was handed on", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    expect(incoming.due).toBe("now");
    expect(incoming.credit(0, undefined)).toEqual({ limit: WINDOW, acknowledged: 0 });
    read(incoming, 1_000);
    expect(incoming.due).toBe("soon");
    read(incoming, WINDOW / 4);
    expect(incoming.due).toBe("now");
    expect(incoming.credit(0, undefined)).toEqual({
      limit: 1_000 + 1.25 * WINDOW,
      acknowledged: 1_000 + WINDOW / 4,
    });
    expect(incoming.due).toBeUndefined();
  });

  test("is not credited while the application does not take it", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.credit(0, undefined);
    incoming.receive(WINDOW);
    incoming.hand(WINDOW);
    incoming.setUnread(WINDOW);
    expect(incoming.due).toBeUndefined();
    expect(incoming.unreadBytes).toBe(WINDOW);
  });

  test("grows with what is delivered in a round trip, up to 4 MiB (P95)", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    let limit = 0;
    for (let now = 0; now <= 2_000; now += 100) {
      limit = incoming.credit(now, 100).limit - incoming.delivered;
      read(incoming, limit);
    }
    expect(limit).toBe(4 * 1024 * 1024);
  });

  test("is no more than a slow path carries in twice its shortest round trip, once that is seen (P95)", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    let limit = incoming.credit(0, 50).limit;
    const windows: number[] = [];
    // 800 kB/s, whatever was allowed; a busy path's round trips do not count.
    for (let now = 50; now <= 1_000; now += 50) {
      read(incoming, Math.min(40_000, limit - incoming.received));
      limit = incoming.credit(now, 50).limit;
      windows.push(limit - incoming.delivered);
    }
    expect(windows.at(-1)).toBe(80_000);
  });

  test("is no less than 32 KiB for who says little, and does not shrink by silence", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.credit(0, 20);
    read(incoming, WINDOW);
    expect(incoming.credit(10_000, 20).limit - incoming.delivered).toBe(WINDOW);
    for (let now = 10_020; now <= 11_000; now += 20) {
      read(incoming, 100);
      incoming.credit(now, 20);
    }
    read(incoming, WINDOW);
    expect(incoming.credit(21_000, 20).limit - incoming.delivered).toBe(32 * 1024);
  });

  test("shrinks to an equal part when many share, and never below the first bytes", () => {
    const pool = new Pool(WINDOW);
    const incoming = new Incoming(pool);
    incoming.credit(0, undefined);
    for (let members = 0; members < 99; members++) pool.join();
    read(incoming, WINDOW);
    const { limit } = incoming.credit(1, undefined);
    expect(limit - incoming.delivered).toBe(FIRST + Math.floor(WINDOW / 100));
  });

  test("acknowledges the end of file as one byte more, once it is with the application (P96)", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.receive(10);
    incoming.hand(10);
    expect(incoming.finish(10)).toBe(true);
    expect(incoming.isEndDue).toBe(true);
    incoming.isEndHanded = true;
    incoming.setUnread(4);
    expect(incoming.credit(0, undefined).acknowledged).toBe(6);
    incoming.setUnread(0);
    expect(incoming.due).toBe("now");
    expect(incoming.credit(0, undefined).acknowledged).toBe(11);
  });

  test.each([
    ["before what came", 9],
    ["other than said before", 12],
  ])("has no end %s", (_name, end) => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.receive(10);
    incoming.finish(11);
    expect(incoming.finish(end)).toBe(false);
  });

  test("ends where it was said to", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.finish(5);
    expect(incoming.receive(5)).toBe(true);
    expect(incoming.receive(1)).toBe(false);
  });

  test("is taken and dropped once the local socket is gone", () => {
    const incoming = new Incoming(new Pool(PLENTY));
    incoming.receive(10);
    incoming.discard();
    incoming.receive(7);
    incoming.finish(17);
    expect(incoming.credit(0, undefined).acknowledged).toBe(18);
  });

  test("gives its part of the pool back", () => {
    const pool = new Pool(PLENTY);
    const incoming = new Incoming(pool);
    incoming.credit(0, undefined);
    expect(pool.used).toBe(WINDOW - FIRST);
    incoming.release();
    expect(pool.used).toBe(0);
  });
});
