import { describe, expect, test } from "bun:test";
import { NumberedReader, numberedBytes, streamOf } from "../../helpers/numbered-bytes.ts";

const UP = { connection: 5, direction: "up" } as const;
const DOWN = { connection: 5, direction: "down" } as const;

describe("a reader of numbered bytes", () => {
  test("takes a stream in pieces of any size", () => {
    const whole = numberedBytes(DOWN, 0, 10_000);
    const reader = new NumberedReader(DOWN);
    for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 3) % 101) {
      expect(reader.take(whole.subarray(at, at + size))).toBeUndefined();
    }
    expect(reader.count).toBe(10_000);
    expect(streamOf(whole)).toEqual(DOWN);
    expect(numberedBytes(DOWN, 1_234, 77)).toEqual(whole.subarray(1_234, 1_311));
  });

  test.each([
    ["spliced", numberedBytes({ connection: 6, direction: "up" }, 800, 24), "byte 800 of connection 6 up"],
    ["of the other direction", numberedBytes(DOWN, 800, 24), "byte 800 of connection 5 down"],
    ["doubled", numberedBytes(UP, 400, 24), "byte 400 of connection 5 up"],
    ["after a gap", numberedBytes(UP, 1_600, 24), "byte 1600 of connection 5 up"],
    ["foreign", Buffer.from("hello!!!"), "connection"],
  ])("says of bytes that are %s where they come from", (_kind, bytes, origin) => {
    const reader = new NumberedReader(UP);
    reader.take(numberedBytes(UP, 0, 800));
    expect(reader.take(bytes)).toContain(origin);
    expect(reader.count).toBeLessThanOrEqual(807);
  });

  test("notices one flipped bit", () => {
    const bytes = numberedBytes(UP, 0, 64);
    bytes[21] = (bytes[21] ?? 0) ^ 1;
    expect(new NumberedReader(UP).take(bytes)).toContain("byte 21 of connection 5 up is wrong");
  });
});
