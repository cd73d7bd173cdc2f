import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PacketMeter } from "../../../../src/emulator/notify/packet-meter.ts";

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

describe("packets in any pieces", () => {
  test("are accepted while none is too long", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: MAX_BYTES }), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(lengths, sizes, (bodies, pieces) => {
        const bytes = Buffer.concat(bodies.map(packet));
        const meter = new PacketMeter(MAX_BYTES);
        return split(bytes, pieces).every((piece) => meter.accept(piece));
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
          const meter = new PacketMeter(MAX_BYTES);
          return !split(bytes, [at]).every((piece) => meter.accept(piece));
        },
      ),
    );
  });
});

test("a length of five bytes is none", () => {
  const meter = new PacketMeter(MAX_BYTES);
  expect(meter.accept(Uint8Array.of(0x30, 0x80, 0x80, 0x80))).toBe(true);
  expect(meter.accept(Uint8Array.of(0x80))).toBe(false);
});
