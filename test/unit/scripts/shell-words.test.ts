import { expect, test } from "bun:test";
import { shellCommands } from "../../../scripts/shell-words.ts";

test.each([
  ["tunnel list --json   # all of them", [["tunnel", "list", "--json"]]],
  ["a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]],
  ["a \\\n  b\nc", [["a", "b"], ["c"]]],
  ["a > file 2>&1 <in b", [["a", "b"]]],
  ["a | b && c || d; e &", [["a"], ["b"], ["c"], ["d"], ["e"]]],
  ["X=1 Y='2 3' a", [["a"]]],
  ["sudo timeout 10 a", [["a"]]],
  ["until a; do b; done", [["a"], ["b"]]],
  [
    'eval "$(tunnel serve-local --env)"',
    [
      ["eval", "$(tunnel serve-local --env)"],
      ["tunnel", "serve-local", "--env"],
    ],
  ],
  [
    "tunnel serve-local -- sh -c 'aws list; b'",
    [["tunnel", "serve-local", "--", "sh", "-c", "aws list; b"], ["aws", "list"], ["b"]],
  ],
])("%s", (text, commands) => {
  expect(shellCommands(text)).toEqual(commands);
});

test("a quote without an end is told", () => {
  expect(() => shellCommands("a 'b")).toThrow("no ' ends");
  expect(() => shellCommands('a "b')).toThrow('no " ends');
});
