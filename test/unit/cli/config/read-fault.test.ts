import { describe, expect, test } from "bun:test";
import { readFault } from "../../../../src/cli/config/read-fault.ts";
import { BadValueError } from "../../../../src/cli/config/values.ts";

describe("readFault", () => {
  test.each([
    ["drop", ["drop", 0, 0, 1, 1]],
    ["drop=5s,rate=0.25,seed=7", ["drop", 5_000, 0, 0.25, 7]],
    ["close=1011,after=2s", ["close", 1_011, 2_000, 1, 1]],
    ["delay=200ms", ["delay", 200, 0, 1, 1]],
    ["throttle=64kB", ["throttle", 64_000, 0, 1, 1]],
    ["refuse=503", ["refuse", 503, 0, 1, 1]],
    ["expire=1m", ["expire", 60_000, 0, 1, 1]],
    ["rotate", ["rotate", 0, 0, 1, 1]],
  ] as const)("takes %s", (text, expected) => {
    const { kind, value, afterMs, rate, seed } = readFault(text);
    expect([kind, value, afterMs, rate, seed]).toEqual([...expected]);
  });

  test.each([
    "",
    "dorp",
    "toString",
    "drop=5",
    "drop=5s,after=1s",
    "drop,rate=2",
    "drop,rate=-1",
    "drop,rate=",
    "drop,seed=x",
    "drop,colour=red",
    "refuse",
    "refuse=200",
    "refuse=503x",
    "close=1006",
    "close=999",
    "close=5000",
    "throttle",
    "throttle=0",
    "throttle=1e3",
    "delay=13h",
  ])("refuses %p", (text) => {
    expect(() => readFault(text)).toThrow(BadValueError);
  });
});
