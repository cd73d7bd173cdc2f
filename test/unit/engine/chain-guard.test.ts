import { describe, expect, test } from "bun:test";
import { asked, makeSource, sent } from "./harness.ts";

const RTT_MS = 2;

type Opened = { readonly count: number; readonly told: readonly string[] };

/** Opens connections: the next one when `isTime` says so, given when the last one was opened on the wire. */
function open(most: number, isTime: (now: number, startedAt: number | undefined) => boolean): Opened {
  const source = makeSource({ format: 3 });
  let startedAt: number | undefined;
  let count = 0;
  for (let now = 0; now < 60_000 && count < most; now += 1) {
    source.tick(now);
    if (isTime(now, startedAt)) {
      if (source.localAccepted("SSH", now) === undefined) break;
      count += 1;
      startedAt = undefined;
    }
    if (sent(source, now).length > 0) startedAt = now;
  }
  return { count, told: asked(source) };
}

describe("a tunnel that leads into itself (P29)", () => {
  test("is noticed by links that are held back, and refused with a sentence", () => {
    const { count, told } = open(4_000, (now, startedAt) => now === 0 || startedAt === now - RTT_MS);
    expect(count).toBe(68);
    expect(told).toEqual([
      "refused: the tunnel leads into itself: each connection opened the next, as the destination dials this proxy's own port; map the service elsewhere",
    ]);
  });

  test.each([1, 5, 40, 250])("is no one who opens many every %d ms and waits with all of them", (everyMs) => {
    expect(open(200, (now) => now % everyMs === 0).count).toBe(200);
  });
});
