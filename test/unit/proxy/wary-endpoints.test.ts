import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WaryEndpoints } from "../../../src/proxy/wary-endpoints.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2030-06-01T00:00:00Z");
const ENDPOINT = "data.tunneling.iot.eu-west-1.amazonaws.com:443";

/** A file in a directory that is not there yet, as processes with these clocks see it. */
function places() {
  const dir = tempDir();
  const path = join(dir.path, "tunnel", "continuity-off.json");
  return {
    path,
    at: (now: number) => new WaryEndpoints(path, () => now),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

describe("endpoints where continuity stays off (P107)", () => {
  test("are known to the next process for 30 days, and to nobody else", () => {
    using place = places();
    expect(place.at(NOW).until(ENDPOINT)).toBeUndefined();
    place.at(NOW).add(ENDPOINT);
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
    expect(place.at(NOW + 30 * DAY_MS - 1).until(ENDPOINT)).toBe(NOW + 30 * DAY_MS);
    expect(place.at(NOW + 30 * DAY_MS).until(ENDPOINT)).toBeUndefined();
    expect(place.at(NOW).until("localhost:443")).toBeUndefined();
    expect(readdirSync(join(place.path, ".."))).toEqual(["continuity-off.json"]);
  });

  test("do not stay so for years when the clock was wrong", () => {
    using place = places();
    place.at(NOW + 3_650 * DAY_MS).add(ENDPOINT);
    expect(place.at(NOW).until(ENDPOINT)).toBeUndefined();
    place.at(NOW).add("other:443");
    expect(readFileSync(place.path, "utf8")).not.toContain(ENDPOINT);
  });

  test("are few: the newest stay, in a file that can be read again", () => {
    using place = places();
    const name = (index: number) => `${"h".repeat(240)}${index}:443`;
    for (let index = 0; index < 100; index += 1) place.at(NOW + index).add(name(index));
    const later = place.at(NOW + 100);
    expect([later.until(name(67)), later.until(name(68))]).toEqual([undefined, NOW + 68 + 30 * DAY_MS]);
    expect(later.until(name(99))).toBeDefined();
  });

  test.each([
    ["nothing", ""],
    ["half a document", "{"],
    ["another document", "[]"],
    ["another version", '{"version":2,"endpoints":[]}'],
    ["no date", `{"version":1,"endpoints":[["${ENDPOINT}","never"]]}`],
    ["half an entry", `{"version":1,"endpoints":[["${ENDPOINT}"]]}`],
    ["too much", "x".repeat(20_000)],
  ])("are on again when the file says %s", (_name, text) => {
    using place = places();
    place.at(NOW).add("other:443");
    writeFileSync(place.path, text);
    expect(place.at(NOW).until(ENDPOINT)).toBeUndefined();
    place.at(NOW).add(ENDPOINT);
    expect(place.at(NOW).until(ENDPOINT)).toBeDefined();
  });

  test.each([undefined, "/proc/no/such/place/continuity-off.json"])(
    "are known to the process alone at %p",
    (path) => {
      const endpoints = new WaryEndpoints(path, () => NOW);
      endpoints.add(ENDPOINT);
      expect(endpoints.until(ENDPOINT)).toBe(NOW + 30 * DAY_MS);
      expect(new WaryEndpoints(path, () => NOW).until(ENDPOINT)).toBeUndefined();
    },
  );
});
