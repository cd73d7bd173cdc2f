import { describe, expect, test } from "bun:test";
import { MAX_PAYLOAD_BYTES } from "../../../src/protocol/constants.ts";
import {
  CONTROL_CONNECTION_ID,
  type Control,
  encodeControl,
  isControl,
  Why,
} from "../../../src/protocol/control.ts";
import { decodeControl } from "../../../src/protocol/control-reader.ts";
import { controlOf, oracleControl } from "./control-oracle.ts";
import { hex } from "./oracle.ts";

const HELLO = {
  version: 1,
  features: 0,
  session: new Uint8Array(16).fill(0xab),
  window: 16_384,
  required: 0,
};
const NOTHING: Control = {
  credits: [],
  fins: [],
  reasons: [],
  probe: 0,
  answer: 0,
  hello: undefined,
  resume: undefined,
  resumed: undefined,
};

describe("the control channel (P90, P91)", () => {
  test("has an id that every client can read and nobody counts up to", () => {
    expect(CONTROL_CONNECTION_ID).toBeLessThan(2 ** 28);
    expect(CONTROL_CONNECTION_ID).toBeGreaterThan(2 ** 27);
  });

  test("HELLO has these bytes, always", () => {
    const expected = `0074756e6e656c000a18${"0801"}1a10${"ab".repeat(16)}20808001`;
    expect(hex(encodeControl({ hello: HELLO }))).toBe(expected);
    expect(hex(oracleControl({ hello: HELLO }))).toBe(expected);
  });

  test.each<[string, Partial<Control>]>([
    ["HELLO", { hello: { ...HELLO, features: 7, required: 2 } }],
    [
      "credits of more than 32 bits",
      { credits: [{ connection: 4, limit: 2 ** 53 - 1, acknowledged: 2 ** 40 }] },
    ],
    ["an end of file", { fins: [{ connection: 1, bytes: 0 }] }],
    ["a reason", { reasons: [{ connection: 2 ** 28 - 1, why: Why.Refused }] }],
    ["a reason with an address", { reasons: [{ connection: 2, why: Why.Refused, address: "127.0.0.1:22" }] }],
    [
      "an address of 128 bytes",
      { reasons: [{ connection: 2, why: Why.Refused, address: `${"/é".repeat(42)}/x` }] },
    ],
    ["nothing to resume", { hello: HELLO, resume: [] }],
    [
      "positions",
      {
        hello: HELLO,
        resume: [
          { connection: 9, received: 70_000 },
          { connection: 10, received: 0 },
        ],
      },
    ],
    ["what is left", { resumed: { positions: [{ connection: 9, received: 4 }], next: 11 } }],
    ["nothing left", { resumed: { positions: undefined, next: 0 } }],
    ["a probe and an answer", { probe: 2 ** 32 - 1, answer: 1 }],
  ])("carries %s", (_name, control) => {
    const payload = encodeControl(control);
    expect(decodeControl(payload)).toEqual({ ...NOTHING, ...control });
    expect(hex(payload)).toBe(hex(oracleControl(control)));
  });

  test("names 4,000 connections in one message, whatever they have carried, beside a HELLO", () => {
    const positions = Array.from({ length: 4_000 }, (_, index) => ({
      connection: 2 ** 28 - 100_000 + index,
      received: 2 ** 53 - 1,
    }));
    const control = { hello: HELLO, resume: positions, probe: 2 ** 32 - 1, answer: 2 ** 32 - 1 };
    expect(encodeControl(control).length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
    expect(encodeControl({ resumed: { positions, next: 2 ** 28 - 1 } }).length).toBeLessThanOrEqual(
      MAX_PAYLOAD_BYTES,
    );
  });

  test.each<[string, number[]]>([
    ["of 129 bytes", [0x32, 136, 1, 8, 2, 0x10, 1, 0x1a, 129, 1, ...new Array<number>(129).fill(0x41)]],
    ["that is no UTF-8", [0x32, 8, 8, 2, 0x10, 1, 0x1a, 2, 0xc3, 0x28]],
    ["that is empty", [0x32, 6, 8, 2, 0x10, 1, 0x1a, 0]],
  ])("takes a reason without an address %s (P97)", (_name, bytes) => {
    const reasons = [{ connection: 2, why: Why.Refused, address: undefined }];
    expect(decodeControl(controlOf(bytes))).toEqual({ ...NOTHING, reasons });
  });

  test("skips what a later version may say", () => {
    const known = encodeControl({ probe: 5 }).subarray(8);
    const unknown = [0x82, 0x01, 2, 1, 2, 0x88, 0x01, 9, 0x91, 0x01, 1, 2, 3, 4, 5, 6, 7, 8];
    expect(decodeControl(controlOf([...unknown, ...known, ...unknown]))).toEqual({ ...NOTHING, probe: 5 });
  });

  test.each<[string, number[]]>([
    ["a session id of another length", [0x0a, 6, 8, 1, 0x1a, 2, 1, 2]],
    ["HELLO without a version", [0x0a, 18, 0x1a, 16, ...new Array<number>(16).fill(1)]],
    [
      "two HELLOs",
      [...encodeControl({ hello: HELLO }).subarray(8), ...encodeControl({ hello: HELLO }).subarray(8)],
    ],
    ["a connection twice in RESUME", [0x12, 10, 0x0a, 2, 8, 5, 0x0a, 4, 8, 5, 0x10, 1]],
    ["a connection twice in RESUMED", [0x1a, 8, 0x0a, 2, 8, 5, 0x0a, 2, 8, 5]],
    ["connection 0", [0x22, 2, 0x10, 9]],
    ["the control connection itself", [0x22, 5, 8, 0xc7, 0xff, 0xff, 0x7f]],
    ["more bytes than can be counted", [0x22, 13, 8, 1, 0x10, ...new Array<number>(9).fill(0xff), 1]],
    ["a message that is cut off", [0x22, 9, 8, 1]],
    ["field 0", [0, 1]],
    ["a probe of more than 32 bits", [0x38, 0x80, 0x80, 0x80, 0x80, 0x80, 1]],
    ["a group without an end", [0x83, 0x01]],
  ])("drops %s", (_name, bytes) => {
    const payload = controlOf(bytes);
    expect(isControl(payload)).toBe(true);
    expect(decodeControl(payload)).toBeUndefined();
  });

  test("is no control message without the magic word", () => {
    expect(isControl(encodeControl({ probe: 1 }).subarray(1))).toBe(false);
    expect(decodeControl(new Uint8Array(0))).toBeUndefined();
  });
});
