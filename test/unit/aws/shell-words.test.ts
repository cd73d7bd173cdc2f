import { expect, test } from "bun:test";
import { shellWords } from "../../../src/aws/shell-words.ts";

test.each([
  ["", []],
  ["  ", []],
  ["a b  c", ["a", "b", "c"]],
  ["profile 'a b'", ["profile", "a b"]],
  ['profile "a b"', ["profile", "a b"]],
  [`a"b"'c'd`, ["abcd"]],
  [`'' ""`, ["", ""]],
  [String.raw`a\ b \"c`, ["a b", '"c']],
  [String.raw`"a\"b\\c\d"`, [String.raw`a"b\c\d`]],
  [String.raw`'a\'`, [String.raw`a\ `.trim()]],
  [`"it's"`, ["it's"]],
  ["a\tb\nc", ["a", "b", "c"]],
  ["$HOME `id` *", ["$HOME", "`id`", "*"]],
  [`"open`, undefined],
  [`'open`, undefined],
  ["end\\", undefined],
])("%p", (text, words) => {
  expect(shellWords(text)).toEqual(words as string[]);
});
