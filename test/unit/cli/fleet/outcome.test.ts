import { expect, test } from "bun:test";
import {
  ConfigError,
  CredentialsError,
  TunnelError,
  UnreachableError,
  UsageError,
} from "../../../../src/base/errors.ts";
import { isShared, type Outcome, outcomeWords, Tally } from "../../../../src/cli/fleet/outcome.ts";

const FAILED: Outcome = { type: "failed", error: new UnreachableError("cannot reach it"), ms: 1_234 };

test("a tally is good only when each command ended with 0", () => {
  const good: Outcome = { type: "exit", code: 0, ms: 10 };
  expect(new Tally(new Map([["a", good]])).isGood).toBe(true);
  const tally = new Tally(
    new Map<string, Outcome>([
      ["a", good],
      ["b", { type: "exit", code: 3, ms: 10 }],
      ["c", FAILED],
      ["d", { type: "not-run" }],
    ]),
  );
  expect([tally.isGood, tally.words]).toEqual([false, "1 of 4 done; failed: b, c; not run: d"]);
});

test("many names are counted from the 21st on", () => {
  const names = Array.from({ length: 23 }, (_, at) => `t${at}`);
  const { words } = new Tally(new Map(names.map((name) => [name, FAILED])));
  expect(words).toMatch(/^0 of 23 done; failed: t0, .*, t19 and 3 more$/);
});

test("an outcome in words", () => {
  expect(outcomeWords(FAILED)).toBe("failed, 1.2 s: cannot reach it");
  expect(outcomeWords({ type: "exit", code: 9, ms: 99_960 })).toBe("exit code 9, 100.0 s");
});

test("only faults of a device and its tunnel are its own", () => {
  const shared = [new UsageError("x"), new ConfigError("x"), new CredentialsError("x"), new Error("bug")];
  const own = [
    new UnreachableError("x"),
    new TunnelError("ERR_NO_DEVICE", "x"),
    new TunnelError("ERR_NOT_FOUND", "x"),
  ];
  expect([...shared, ...own].map(isShared)).toEqual([true, true, true, true, false, false, false]);
});
