import { expect, test } from "bun:test";
import { UnreachableError } from "../../../../src/base/errors.ts";
import { HelloTrial } from "../../../../src/engine/continuity/hello-trial.ts";
import type { CarrierEnd, HelloFate } from "../../../../src/engine/output.ts";

function closed(hello?: Partial<HelloFate>, code = 1006, reason = ""): CarrierEnd {
  return { type: "closed", code, reason, hello: hello && { ageMs: 500, isAnswered: false, ...hello } };
}

function silent(ageMs: number, isAnswered: boolean): CarrierEnd {
  return { type: "failed", error: new UnreachableError("silent"), hello: { ageMs, isAnswered } };
}

const CUT = closed({});

test.each<[string, readonly CarrierEnd[], boolean]>([
  ["nothing", [], false],
  ["one cut", [CUT], false],
  ["two cuts", [CUT, CUT], true],
  ["two, with one between on which nothing was said", [CUT, closed(), CUT], true],
  ["two, at 10 s", [CUT, closed({ ageMs: 10_000 })], true],
  ["one, and one after 10 s", [CUT, closed({ ageMs: 10_001 })], false],
  ["two that are not in a row", [CUT, closed({ ageMs: 60_000 }), CUT], false],
  ["one, an answer, one", [CUT, closed({ isAnswered: true }), CUT], false],
  ["two that were answered", [closed({ isAnswered: true }), closed({ isAnswered: true })], false],
  ["a tunnel that was closed", [CUT, closed({}, 1000, "Tunnel is closed")], false],
  ["the same without a close code", [CUT, closed({}, 1006, "Tunnel has expired")], false],
  ["a service that goes away", [CUT, closed({}, 1001)], false],
  ["a side that was replaced", [CUT, closed({}, 1008)], false],
  ["a rule that we broke, as the service says", [CUT, closed({}, 1002)], true],
  ["one, a long life that silence ended, one", [CUT, silent(60_000, true), CUT], false],
  ["one, and a silence", [CUT, silent(500, false)], false],
  ["our own stop", [CUT, { type: "stopped" }], false],
  ["WebSockets without HELLO", [closed(), closed(), closed()], false],
])("HELLO after %s", (_name, ends, isOff) => {
  const trial = new HelloTrial();
  for (const end of ends) trial.ended(end);
  expect(trial.hasFailed).toBe(isOff);
});

test("a refusal explains the cut before it, and no other", () => {
  const trial = new HelloTrial();
  trial.ended(CUT);
  trial.ended(CUT);
  trial.explained();
  trial.explained();
  expect(trial.hasFailed).toBe(false);
  trial.ended(CUT);
  expect(trial.hasFailed).toBe(true);
});
