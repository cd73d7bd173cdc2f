import { describe, expect, test } from "bun:test";
import { RemoteProtocolError } from "../../../src/base/errors.ts";
import { MAX_WEBSOCKET_FRAME_BYTES } from "../../../src/protocol/constants.ts";
import { FrameSplitter } from "../../../src/protocol/frame.ts";
import { frameOf, hex } from "./oracle.ts";

const SHORT = frameOf([1, 2, 3]);
const LONG = frameOf(Array.from({ length: 300 }, (_, index) => index & 0xff));
const LONGEST = frameOf(new Uint8Array(65_535).fill(7));

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

describe("FrameSplitter", () => {
  test("gives frames that come whole as views", () => {
    const bytes = join(SHORT, LONG);
    const frames = new FrameSplitter().push(bytes);
    expect(frames.map(hex)).toEqual([hex(SHORT), hex(LONG)]);
    expect(frames.every((frame) => frame.buffer === bytes.buffer)).toBe(true);
  });

  test("puts a frame together that comes byte by byte", () => {
    const splitter = new FrameSplitter();
    const frames = [...LONG].flatMap((byte) => splitter.push(Uint8Array.of(byte)));
    expect(frames.map(hex)).toEqual([hex(LONG)]);
  });

  test.each(Array.from({ length: SHORT.length + LONG.length }, (_, at) => [at]))(
    "does not mind a cut at byte %d",
    (at) => {
      const bytes = join(SHORT, LONG);
      const splitter = new FrameSplitter();
      const frames = [...splitter.push(bytes.subarray(0, at)), ...splitter.push(bytes.subarray(at))];
      expect(frames.map(hex)).toEqual([hex(SHORT), hex(LONG)]);
    },
  );

  test("takes two of the longest messages in one WebSocket frame", () => {
    const bytes = join(LONGEST, LONGEST).subarray(0, MAX_WEBSOCKET_FRAME_BYTES);
    expect(new FrameSplitter().push(bytes).map((frame) => frame.length)).toEqual([65_537, 65_537]);
  });

  test("does not keep the buffer of an unfinished frame", () => {
    const splitter = new FrameSplitter();
    const part = SHORT.slice(0, 3);
    splitter.push(part);
    part.fill(0xff);
    expect(splitter.push(SHORT.subarray(3)).map(hex)).toEqual([hex(SHORT)]);
  });

  test("gives a frame with its last byte, not before", () => {
    const splitter = new FrameSplitter();
    const found = [...SHORT].map((byte) => splitter.push(Uint8Array.of(byte)).length);
    expect(found).toEqual([0, 0, 0, 0, 1]);
  });

  test.each([
    ["at once", [[0, 0]]],
    ["in two pieces", [[0], [0]]],
    ["after a whole frame", [[0, 1, 9, 0, 0]]],
  ])("refuses a length of zero that comes %s (P11)", (_title, pieces) => {
    const splitter = new FrameSplitter();
    expect(() => {
      for (const piece of pieces) splitter.push(Uint8Array.from(piece));
    }).toThrow(RemoteProtocolError);
  });
});
