import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { TestProcess } from "../../helpers/process.ts";
import { slope, Trend } from "../../helpers/trend.ts";

test("the slope is that of the line with the least squares", () => {
  expect(slope([0, 1, 2, 3].map((x) => [x, 5 - 2 * x]))).toBeCloseTo(-2);
  expect(
    slope([
      [0, 0],
      [1, 3],
      [2, 0],
      [3, 3],
    ]),
  ).toBeCloseTo(0.6);
  expect(slope([[1, 1]])).toBeNaN();
});

test("a process that opens files and fills memory is seen to grow, from the samples that count", () => {
  const trend = new Trend();
  trend.sample(process.pid);
  const from = performance.now();
  const held: Uint8Array[] = [];
  const files: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    files.push(openSync("/dev/null", "r"));
    held.push(new Uint8Array(4 * 1024 * 1024).fill(i + 1));
    trend.sample(process.pid);
  }
  for (const file of files) closeSync(file);
  const growth = trend.growthSince(from);
  expect(growth.descriptors).toBeGreaterThanOrEqual(20);
  expect(growth.descriptorsPerHour).toBeGreaterThan(0);
  expect(growth.bytesPerHour).toBeGreaterThan(0);
  expect(growth.bytes).toBeGreaterThan(held.length * 4 * 1024 * 1024);
  expect(trend.growthSince(Number.POSITIVE_INFINITY).bytesPerHour).toBeNaN();
});

test("another process begins anew", async () => {
  const trend = new Trend();
  trend.sample(process.pid);
  await using child = new TestProcess("sleep", ["100"], {});
  trend.sample(child.pid);
  expect(trend.growthSince(0).bytes).toBeLessThan(50 * 1024 * 1024);
  expect(trend.growthSince(0).bytesPerHour).toBeNaN();
});
