import { describe, expect, test } from "bun:test";
import { LineSplitter } from "../../../src/base/line-splitter.ts";

describe("lines", () => {
  test("are given once they are whole, however they came", () => {
    const splitter = new LineSplitter(10);
    expect(["a", "b\nc", "", "\n\nd\ne"].map((piece) => splitter.push(piece))).toEqual([
      [],
      ["ab"],
      [],
      ["c", "", "d"],
    ]);
  });

  test.each([
    ["finished", "12345678901\n"],
    ["unfinished", "12345678901"],
    ["behind another", "a\n12345678901"],
  ])("that are too long are none: %s", (_title, text) => {
    expect(new LineSplitter(10).push(text)).toBeUndefined();
    expect(new LineSplitter(11).push(text)).toBeDefined();
  });
});
