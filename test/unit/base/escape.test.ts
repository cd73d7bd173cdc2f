import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { escapeControl, escapeLines, jsonLine } from "../../../src/base/escape.ts";

/** What may reach a terminal from outside: nothing that moves, hides, reorders or stacks. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]|\p{M}{5}/u;

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\u001b", "\u009b", "\u202e", "\n", "\u0301"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

describe("escapeControl", () => {
  test.each([
    ["a window title", "\u001b]0;owned\u0007", "\\u001b]0;owned\\u0007"],
    ["a C1 sequence", "\u009b2J", "\\u009b2J"],
    ["a line break", "one\r\ntwo", "one\\u000d\\u000atwo"],
    ["other line separators", "a\u0085b\u2028c\u2029d", "a\\u0085b\\u2028c\\u2029d"],
    ["bidirectional marks", "\u202e\u2066\u061c\u200f", "\\u202e\\u2066\\u061c\\u200f"],
    ["zero-width marks", "a\u200bb\u200d\u2060\ufeff\u00ad", "a\\u200bb\\u200d\\u2060\\ufeff\\u00ad"],
    ["a tag outside of the first plane", "\u{e0041}", "\\udb40\\udc41"],
    ["half of a pair", "a\ud800b", "a\\ud800b"],
    ["marks piled on a letter", `e${"\u0301".repeat(5)}`, `e${"\u0301".repeat(4)}\\u0301`],
    ["usual text of other scripts", "Pumpe 7 · насос · 泵 · ポンプ 🚰", "Pumpe 7 · насос · 泵 · ポンプ 🚰"],
  ])("%s", (_, text, expected) => {
    expect(escapeControl(text)).toBe(expected);
  });

  test("is cut between signs", () => {
    expect(escapeControl("ab🚰", 3)).toBe("ab…");
  });

  test("leaves nothing unsafe of any text", () => {
    fc.assert(fc.property(hostile, (text) => !UNSAFE.test(escapeControl(text))));
  });
});

describe("escapeLines", () => {
  test("keeps line breaks and tabs alone", () => {
    expect(escapeLines("a\tb\nc\r\u001b")).toBe("a\tb\nc\\u000d\\u001b");
  });
});

describe("jsonLine", () => {
  test("is one harmless line with the same value", () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, hostile), (value) => {
        const line = jsonLine(value);
        expect(UNSAFE.test(line.slice(0, -1))).toBe(false);
        expect(Object.entries(JSON.parse(line))).toEqual(Object.entries(JSON.parse(JSON.stringify(value))));
      }),
    );
  });
});
