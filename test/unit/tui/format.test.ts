import { expect, test } from "bun:test";
import { fit, formatAge, formatBytes, formatRoundTrip, sparkline } from "../../../src/tui/format.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [9_949, "9.9 kB"],
  [9_951, "10 kB"],
  [999_600, "1.0 MB"],
  [35_400_000, "35 MB"],
  [7e15, "7000 TB"],
  [-1, "0 B"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [-5, "0s"],
  [59_999, "59s"],
  [60_000, "1m"],
  [3 * 3_600_000 + 7 * 60_000, "3h07m"],
  [49 * 3_600_000, "2d"],
])("%d ms are %s", (milliseconds, text) => {
  expect(formatAge(milliseconds)).toBe(text);
});

test("a round trip that was never measured is a dash", () => {
  expect(formatRoundTrip(undefined)).toBe("–");
  expect(formatRoundTrip(12.4)).toBe("12 ms");
});

test("a sparkline has a bar for each of the last values, the largest one full", () => {
  expect(sparkline([0, 1, 2, 4], 3)).toBe("▂▄█");
  expect(sparkline([0, 0], 8)).toBe("▁▁");
  expect(sparkline([1], 0)).toBe("");
});

test("text is cut or filled to its width", () => {
  expect(fit("abc", 5)).toBe("abc  ");
  expect(fit("abcdef", 4)).toBe("abc…");
});
