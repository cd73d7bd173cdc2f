import { expect, test } from "bun:test";
import { UsageError } from "../../../../src/base/errors.ts";
import { scpWords } from "../../../../src/cli/connect/scp-words.ts";

test.each([
  [
    ["a", "pump-7:"],
    ["--", "a", "pump-7.thing:"],
  ],
  [
    ["-x", "./a:b", "/c:d", "root@pump-7:/tmp/x y"],
    ["--", "-x", "./a:b", "/c:d", "root@pump-7.thing:/tmp/x y"],
  ],
  [
    ["pump-7.thing:a:b", "."],
    ["--", "pump-7.thing:a:b", "."],
  ],
  [
    ["u@[site:valve]:a", "b"],
    ["--", "u@[site:valve.thing]:a", "b"],
  ],
  [
    ["Pump-7:a", "pump-8:b"],
    ["-3", "--", "Pump-7.thing:a", "pump-8.thing:b"],
  ],
  [
    ["pump-7:a", "pump-8:b", "c"],
    ["--", "pump-7.thing:a", "pump-8.thing:b", "c"],
  ],
  [
    ["me@work:x@pump-7:a", "b"],
    ["--", "me@work.thing:x@pump-7:a", "b"],
  ],
])("%j → %j", (operands, expected) => {
  expect(scpWords(operands)).toEqual(expected);
});

test.each([
  [["pump-7:a"], "TARGET is missing"],
  [["a", "b"], "none of these is on a device"],
  [["scp://pump-7/a", "b"], "the address of a host"],
  [[":a", "b"], "THING: a thing's name"],
  [["-oProxyCommand=x:a", "b"], "THING: a thing's name"],
  [["pump.example:a", "b"], "THING: a thing's name"],
])("%j is refused: %s", (operands, text) => {
  expect(() => scpWords(operands)).toThrow(UsageError);
  expect(() => scpWords(operands)).toThrow(text);
});
