import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { shellWords, windowsWords } from "../../../src/aws/shell-words.ts";
import { quoteForWindows } from "../../../src/base/shell.ts";

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

describe("on Windows", () => {
  test.each([
    ["", []],
    [" \t", []],
    [String.raw`C:\bin\keys.exe --for a`, [String.raw`C:\bin\keys.exe`, "--for", "a"]],
    [String.raw`"C:\Program Files\keys.exe" ""`, [String.raw`C:\Program Files\keys.exe`, ""]],
    [String.raw`a\"b "c\\" d\\"e f"`, ['a"b', "c\\", String.raw`d\e f`]],
    ["it's a\\b\\", ["it's", "a\\b\\"]],
    [`"open`, undefined],
    [String.raw`"open\"`, undefined],
  ])("%p", (text, words) => {
    expect(windowsWords(text)).toEqual(words as string[]);
  });

  test("every quoted word is read as it was", () => {
    const word = fc.string({ unit: fc.constantFrom("a", " ", "\\", '"', "%", "&", "'", "~", "é") });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        expect(windowsWords(words.map(quoteForWindows).join(" "))).toEqual(words);
      }),
    );
  });
});
