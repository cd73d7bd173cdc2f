import { expect, test } from "bun:test";
import { compact } from "../../../src/engine/compact.ts";

test.each([
  ["a Uint8Array", new Uint8Array(1_000)],
  ["a Buffer", Buffer.from(new ArrayBuffer(1_000))],
])("a small part of %s does not keep the rest of it", (_name, whole) => {
  whole[7] = 42;
  const part = compact(whole.subarray(7, 10));
  expect([[...part], part.buffer.byteLength]).toEqual([[42, 0, 0], 3]);
  const most = whole.subarray(7, 600);
  expect(compact(most)).toBe(most);
});
