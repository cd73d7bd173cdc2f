import { expect, test } from "bun:test";
import { isWanted, readSelection, strayPatterns } from "../../../scripts/test-selection.ts";

const PATHS = ["test/unit/net/tcp.test.ts", "test/e2e/bounds.test.ts"];

test.each([
  [[], PATHS],
  [["bounds"], ["test/e2e/bounds.test.ts"]],
  [["test/unit/net"], ["test/unit/net/tcp.test.ts"]],
  [["./test/unit/net/tcp.test.ts"], ["test/unit/net/tcp.test.ts"]],
  [["/home/me/tunnel/test/unit"], ["test/unit/net/tcp.test.ts"]],
  [["/home/me/tunnel"], PATHS],
  [["/home/me/other/test/unit"], []],
  [["-t", "bounds", "--randomize", "--seed", "5"], PATHS],
  [["tcp", "-t", "bounds", "bounds"], PATHS],
])("%j run %j", (words, expected) => {
  const selection = readSelection(words, "/home/me/tunnel");
  expect(PATHS.filter((path) => isWanted(path, selection))).toEqual(expected);
});

test.each([
  [["-t", "one two"], "one two"],
  [["-t=one"], "one"],
  [["--test-name-pattern", "a=b"], "a=b"],
  [["--test-name-pattern=a=b"], "a=b"],
  [["tcp"], undefined],
])("%j ask for tests of a name", (words, name) => {
  expect(readSelection(words, "/").name).toBe(name);
});

test("other options go to the runner, with their values", () => {
  const { options } = readSelection(["--randomize", "tcp", "--seed", "5", "--retry=2"], "/");
  expect(options).toEqual(["--randomize", "--seed=5", "--retry=2"]);
});

test("an option without its value is an error", () => {
  expect(() => readSelection(["tcp", "-t"], "/")).toThrow("-t wants a value");
});

test("patterns that are in no path are named", () => {
  const selection = readSelection(["tcp", "./tpc", "/elsewhere/x.test.ts"], "/home/me");
  expect(strayPatterns(selection, PATHS)).toEqual(["tpc", "../../elsewhere/x.test.ts"]);
});
