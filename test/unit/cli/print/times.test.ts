import { expect, test } from "bun:test";
import { formatEnd, formatTime } from "../../../../src/cli/print/times.ts";

const now = new Date(2026, 0, 31, 23, 30);
const after = (minutes: number) => new Date(now.getTime() + minutes * 60_000);

test("the date is left out only when it is today's", () => {
  expect(formatTime(new Date(2026, 0, 31, 7, 5), now)).toBe("07:05");
  expect(formatTime(new Date(2026, 1, 1, 7, 5), now)).toBe("2026-02-01 07:05");
});

test.each([
  [0.5, "23:30 (30 s left)"],
  [5, "23:35 (5 min left)"],
  [29.99, "23:59 (30 min left)"],
  [60, "2026-02-01 00:30 (1 h left)"],
  [719.9, "2026-02-01 11:29 (12 h left)"],
  [90, "2026-02-01 01:00 (1 h 30 min left)"],
  [0, "23:30 (over)"],
  [-5, "23:25 (over)"],
])("in %d minutes", (minutes, text) => {
  expect(formatEnd(after(minutes), now)).toBe(text);
});
