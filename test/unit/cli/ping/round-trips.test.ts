import { expect, test } from "bun:test";
import { RoundTrips } from "../../../../src/cli/ping/round-trips.ts";

function tripsOf(times: readonly (number | undefined)[]): RoundTrips {
  const trips = new RoundTrips();
  for (const ms of times) trips.add(ms);
  return trips;
}

test("percentiles are times that were measured, by rank", () => {
  const trips = tripsOf(Array.from({ length: 100 }, (_, index) => 100 - index));
  expect([50, 95, 99, 100].map((percent) => trips.percentile(percent))).toEqual([50, 95, 99, 100]);
  expect(trips.words).toBe("100 sent, 100 back, p50 50.0 ms, p95 95.0 ms, p99 99.0 ms, max 100 ms");
});

test("of few, the last ones are the longest", () => {
  expect(tripsOf([1.2345, undefined, 0.8]).document).toEqual({
    sent: 3,
    back: 2,
    minMs: 0.8,
    p50Ms: 0.8,
    p95Ms: 1.235,
    p99Ms: 1.235,
    maxMs: 1.235,
  });
});

test("none that came back have no times", () => {
  const trips = tripsOf([undefined, undefined]);
  expect(trips.words).toBe("2 sent, 0 back");
  expect(JSON.parse(JSON.stringify(trips.document))).toEqual({ sent: 2, back: 0 });
});
