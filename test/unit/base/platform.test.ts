import { expect, test } from "bun:test";
import { expandTilde, looksLikePath, POSIX, WINDOWS } from "../../../src/base/platform.ts";

test.each([
  ["state/pump", true, true],
  [String.raw`state\pump`, true, false],
  [String.raw`C:\state`, true, false],
  ["pump", false, false],
  ["C:", false, false],
])("%s is meant as a path on Windows: %p, elsewhere: %p", (word, onWindows, elsewhere) => {
  expect([looksLikePath(word, WINDOWS), looksLikePath(word, POSIX)]).toEqual([onWindows, elsewhere]);
});

test("a tilde is the home before the system's separators alone", () => {
  const expand = (platform: typeof POSIX) =>
    ["~", "~/a", String.raw`~\a`, "~jane/a", "a~"].map((path) => expandTilde(path, () => "$&", platform));
  expect(expand(POSIX)).toEqual(["$&", "$&/a", String.raw`~\a`, "~jane/a", "a~"]);
  expect(expand(WINDOWS)).toEqual(["$&", "$&/a", String.raw`$&\a`, "~jane/a", "a~"]);
});
