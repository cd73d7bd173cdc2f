import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Control, encodeControl } from "../../src/protocol/control.ts";
import { decodeControl } from "../../src/protocol/control-reader.ts";
import { oracleControl } from "../unit/protocol/control-oracle.ts";
import { hex } from "../unit/protocol/oracle.ts";

const uint32 = fc.nat(2 ** 32 - 1);
const count = fc.maxSafeNat();
const connection = fc.integer({ min: 1, max: 2 ** 28 - 58 });
const positions = fc.uniqueArray(fc.record({ connection, received: count }), {
  maxLength: 20,
  selector: (position) => position.connection,
});

const address = fc.option(fc.string({ unit: "binary", minLength: 1, maxLength: 32 }), { nil: undefined });

const anyControl: fc.Arbitrary<Control> = fc.record({
  hello: fc.option(
    fc.record({
      version: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      features: uint32,
      session: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      window: uint32,
      required: uint32,
    }),
    { nil: undefined },
  ),
  resume: fc.option(positions, { nil: undefined }),
  resumed: fc.option(fc.record({ positions: fc.option(positions, { nil: undefined }), next: uint32 }), {
    nil: undefined,
  }),
  credits: fc.array(fc.record({ connection, limit: count, acknowledged: count }), { maxLength: 20 }),
  fins: fc.array(fc.record({ connection, bytes: count }), { maxLength: 20 }),
  reasons: fc.array(fc.record({ connection, why: fc.nat(5), address }), { maxLength: 20 }),
  probe: uint32,
  answer: uint32,
});

describe("control messages (P91)", () => {
  test("are read as they were written, in the bytes that the schema gives them", () => {
    fc.assert(
      fc.property(anyControl, (control) => {
        const payload = encodeControl(control);
        expect(decodeControl(payload)).toEqual(control);
        expect(hex(payload)).toBe(hex(oracleControl(control)));
      }),
      { numRuns: 500 },
    );
  });

  test("that are cut off anywhere are dropped, or say less", () => {
    fc.assert(
      fc.property(anyControl, fc.double({ min: 0, max: 1, noNaN: true }), (control, part) => {
        const payload = encodeControl(control);
        const cut = decodeControl(payload.subarray(0, Math.floor(part * payload.length)));
        expect((cut?.credits.length ?? 0) <= control.credits.length).toBe(true);
      }),
    );
  });
});
