import { describe, expect, test } from "bun:test";
import { IniError, parseIni, parseNested } from "../../../src/aws/ini.ts";

/** As plain objects. */
function parse(text: string): Record<string, Record<string, string>> {
  const sections = [...parseIni(text)].map(([name, values]) => [name, Object.fromEntries(values)] as const);
  return Object.fromEntries(sections);
}

describe("what is read", () => {
  test.each([
    ["nothing", "", {}],
    ["a section", "[a]\nb = c", { a: { b: "c" } }],
    ["an empty one", "[a]", { a: {} }],
    ["a colon, and the first delimiter counts", "[a]\nb: c=d\ne = f:g", { a: { b: "c=d", e: "f:g" } }],
    ["names in any case", "[A]\nAbC = DeF", { A: { abc: "DeF" } }],
    ["whole lines of comments", "# x\n[a]\n;y\n  # z\nb = c", { a: { b: "c" } }],
    ["a mark within a value belongs to it", "[a]\nb = c # d ; e", { a: { b: "c # d ; e" } }],
    ["spaces around all", "  [a]  \n  b   =   c  ", { a: { b: "c" } }],
    ["text after a header", "[a] # b\nc = d", { a: { c: "d" } }],
    ["brackets in a name", "[a[b]]\nc = d", { "a[b]": { c: "d" } }],
    ["an empty value", "[a]\nb =\nc = d", { a: { b: "", c: "d" } }],
    ["a value of several lines", "[a]\nb = c\n  d\n\n  e\nf = g", { a: { b: "c\nd\n\ne", f: "g" } }],
    ["no space ends a value of several lines", "[a]\nb =\n  c\n[d]\n", { a: { b: "\nc" }, d: {} }],
    ["line ends of all kinds", "[a]\r\nb = c\rd = e\n", { a: { b: "c", d: "e" } }],
    ["defaults", "[DEFAULT]\nx = 1\ny = 2\n[a]\nx = 3", { a: { x: "3", y: "2" } }],
  ])("%s", (_name, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });
});

describe("what is refused, with its line and none of its text", () => {
  test.each([
    ["a value before any section", "secret = x", "line 1: no [section] stands above it"],
    ["a line that is neither", "[a]\nb = c\nsecret", 'line 3: neither a [section] nor "name = value"'],
    ["a value without a name", "[a]\n= secret", 'line 2: neither a [section] nor "name = value"'],
    ["a section twice", "[a]\n[b]\n[a]", "line 3: this section is there twice"],
    ["a name twice", "[a]\nb = 1\nB = 2", "line 3: this name is there twice in its section"],
  ])("%s", (_name, text, message) => {
    expect(() => parseIni(text)).toThrow(new IniError(message));
  });
});

test("nested values", () => {
  const value = parseIni("[services here]\niotsecuretunneling =\n  endpoint_url = https://a.test\n  b=c")
    .get("services here")
    ?.get("iotsecuretunneling");
  expect(Object.fromEntries(parseNested(value ?? ""))).toEqual({ endpoint_url: "https://a.test", b: "c" });
});
