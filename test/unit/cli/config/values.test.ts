import { describe, expect, test } from "bun:test";
import {
  BadValueError,
  oneOf,
  readAccessToken,
  readAccountId,
  readApiName,
  readBrokerUrl,
  readClientToken,
  readDataPlane,
  readDuration,
  readEndpointUrl,
  readLifetimeMinutes,
  readListen,
  readOrigin,
  readRegion,
  readTag,
  readText,
  readTimeOrOff,
  readTunnelId,
  readWholeNumber,
} from "../../../../src/cli/config/values.ts";

type Row = readonly [name: string, read: (text: string) => unknown, text: string, expected: unknown];
const UUID = "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d";
const time = readDuration("100ms", "1h");

const GOOD: readonly Row[] = [
  ["text", readText, " a ", " a "],
  ["region", readRegion, " eu-west-1 ", "eu-west-1"],
  ["name", readApiName, "a:B_9-", "a:B_9-"],
  ["tunnel id", readTunnelId, "a+b=c:d", "a+b=c:d"],
  ["account", readAccountId, "012345678901", "012345678901"],
  ["client token", readClientToken, UUID, UUID],
  ["choice", oneOf("V1", "V2"), "v2", "V2"],
  ["number", readWholeNumber(1, 10), "10", 10],
  ["time", time, "10s", 10_000],
  ["time", time, "1.5s", 1_500],
  ["time", time, "100 ms", 100],
  ["time", time, "1h", 3_600_000],
  ["lifetime", readLifetimeMinutes, "30", 30],
  ["lifetime", readLifetimeMinutes, "90m", 90],
  ["lifetime", readLifetimeMinutes, "12h", 720],
  ["lifetime", readLifetimeMinutes, "1.5h", 90],
  ["lifetime", readLifetimeMinutes, "60s", 1],
  ["data plane", readDataPlane, "host", { host: "host", port: 443 }],
  ["data plane", readDataPlane, "wss://Host:8443/", { host: "host", port: 8443 }],
  ["data plane", readDataPlane, "[::1]:1", { host: "::1", port: 1 }],
  ["listen", readListen, "8443", { host: "127.0.0.1", port: 8443 }],
  ["listen", readListen, "0", { host: "127.0.0.1", port: 0 }],
  ["listen", readListen, "[::1]:0", { host: "::1", port: 0 }],
  ["listen", readListen, "localhost:1", { host: "localhost", port: 1 }],
  ["tag", readTag, "a=b=c", { key: "a", value: "b=c" }],
  ["tag", readTag, "a=", { key: "a", value: "" }],
  ["origin", readOrigin, "https://Example.com:8443", "https://example.com:8443"],
  ["access token", readAccessToken, "  AQG_-=  \n", "AQG_-="],
];

describe("values that are taken", () => {
  test.each(GOOD.map((row) => [...row] as const))("%s %p %p", (_, read, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test("a URL", () => {
    expect(readEndpointUrl("https://localhost:8443").href).toBe("https://localhost:8443/");
  });
});

const BAD: readonly (readonly [string, (text: string) => unknown, readonly string[]])[] = [
  ["text", readText, [""]],
  ["region", readRegion, ["", "eu-wst", "a.b/c"]],
  ["broker URL", readBrokerUrl, ["mqtts://50%@broker.test", "mqtts://user:%E0@broker.test"]],
  ["name", readApiName, ["", "a b", "a/b", "a".repeat(129)]],
  ["tunnel id", readTunnelId, ["", "a/b", "a b"]],
  ["account", readAccountId, ["", "1", "01234567890a"]],
  ["client token", readClientToken, ["", "short", `${UUID}_`, "a".repeat(129)]],
  ["choice", oneOf("V1", "V2"), ["", "V3"]],
  ["number", readWholeNumber(1, 10), ["", "0", "11", "1.5", "1e1", "0x1", "-1", "9".repeat(400)]],
  ["time", time, ["", "10", "99ms", "2h", "-1s", "s", "10 parsecs", "1".repeat(60)]],
  ["lifetime", readLifetimeMinutes, ["", "0", "721", "90s", "13h", "-5", "1d", "x"]],
  ["URL", readEndpointUrl, ["", "localhost:8443", "ftp://x", "https://me:pw@host", "//x"]],
  [
    "data plane",
    readDataPlane,
    ["", "ws://host", "host:0", "host:65536", "::1", "host/path", "a b", "user@host"],
  ],
  ["listen", readListen, ["", "host", "host:", "65536", "::1:1", "-1"]],
  ["tag", readTag, ["", "a", "=b"]],
  ["origin", readOrigin, ["", "example.com", "https://example.com/", "https://example.com/a", "null"]],
  ["access token", readAccessToken, ["", "a b", "a\nb", "ä", "a".repeat(4_097)]],
];

describe("values that are refused, with a reason that does not repeat them", () => {
  test.each(BAD.flatMap(([name, read, texts]) => texts.map((text) => [name, text, read] as const)))(
    "%s %p",
    (_, text, read) => {
      expect(() => read(text)).toThrow(BadValueError);
    },
  );
});

test("a time that may be off", () => {
  const read = readTimeOrOff("12h");
  expect(read("15m")).toBe(900_000);
  for (const none of ["off", "OFF", "0", "0s"]) expect(read(none)).toBe(0);
  for (const bad of ["15", "13h", "on", "-1s", ""]) {
    expect(() => read(bad)).toThrow("must be off, or a length");
  }
});
