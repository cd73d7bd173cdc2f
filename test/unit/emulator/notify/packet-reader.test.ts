import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PacketReader } from "../../../../src/emulator/notify/packet-reader.ts";

const MAX_BYTES = 1_000;

/** A packet with a body of this many bytes, its length written as MQTT does. */
function packet(bodyBytes: number): Uint8Array {
  const header = [0x30];
  let left = bodyBytes;
  do {
    header.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Uint8Array.from([...header, ...new Array(bodyBytes).fill(0xff)]);
}

/** The bytes in pieces of these sizes, the rest as the last one. */
function split(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const ends = [0];
  for (const size of sizes) ends.push((ends.at(-1) ?? 0) + size);
  return ends.map((start, index) => bytes.subarray(start, ends[index + 1]));
}

/** The lengths of the packets that are read, or undefined when one was refused. */
function lengthsOf(pieces: readonly Uint8Array[]): number[] | undefined {
  const reader = new PacketReader(MAX_BYTES);
  try {
    return pieces.flatMap((piece) => [...reader.push(piece)].map(({ body }) => body.length));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

describe("packets in any pieces", () => {
  test("are read whole while none is too long", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: MAX_BYTES }), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(lengths, sizes, (bodies, pieces) => {
        const bytes = Buffer.concat(bodies.map(packet));
        expect(lengthsOf(split(bytes, pieces))).toEqual(bodies);
      }),
    );
  });

  test("are refused as soon as one announces more, before its body comes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: MAX_BYTES }),
        fc.integer({ min: MAX_BYTES + 1, max: 50_000 }),
        fc.integer({ min: 0, max: 2_000 }),
        (good, long, at) => {
          const bytes = Buffer.concat([packet(good), packet(long).subarray(0, 4)]);
          expect(lengthsOf(split(bytes, [at]))).toBeUndefined();
        },
      ),
    );
  });
});

test("a packet has type, flags and body", () => {
  const [only] = [...new PacketReader(MAX_BYTES).push(Uint8Array.of(0x82, 2, 7, 8))];
  expect(only).toEqual({ type: 8, flags: 2, body: Uint8Array.of(7, 8) });
});

test("a length of five bytes is none", () => {
  const reader = new PacketReader(MAX_BYTES);
  expect([...reader.push(Uint8Array.of(0x30, 0x80, 0x80, 0x80))]).toEqual([]);
  expect(() => [...reader.push(Uint8Array.of(0x80))]).toThrow(TypeError);
});
