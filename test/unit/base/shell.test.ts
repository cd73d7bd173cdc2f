import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { quoteForShell, shellLine } from "../../../src/base/shell.ts";

test("a shell takes every quoted word as it is", () => {
  const word = fc.string({ unit: "grapheme-ascii" }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const line = `printf '%s\\n' ${words.map(quoteForShell).join(" ")}`;
      expect(execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" })).toBe(`${words.join("\n")}\n`);
    }),
    { numRuns: 50 },
  );
});

test("signs that shells expand are quoted", () => {
  expect(["[::1]", "=ls", "~root", "a*", "$(id)", "`id`", "a;b", "it's", ""].map(quoteForShell)).toEqual([
    "'[::1]'",
    "'=ls'",
    "'~root'",
    "'a*'",
    "'$(id)'",
    "'`id`'",
    "'a;b'",
    "'it'\\''s'",
    "''",
  ]);
});

test("a line quotes its values and nothing else", () => {
  expect(shellLine`tunnel close ${"x; rm -rf ~"} --delete`).toBe("tunnel close 'x; rm -rf ~' --delete");
});
