import { describe, expect, test } from "bun:test";
import { RemoteProtocolError } from "../../../src/base/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../../../src/protocol/constants.ts";
import {
  decodeFrame,
  describeMessage,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../../src/protocol/message.ts";
import { frameOf, hex, oracleDecode, oracleFrame, plain } from "./oracle.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

const messages: readonly (readonly [title: string, message: Message])[] = [
  [
    "bytes of a connection",
    makeMessage({ type: 1, streamId: 7, serviceId: "SSH", connectionId: 2, payload: bytes("hi") }),
  ],
  ["a start", makeMessage({ type: 2, streamId: 2 ** 28 - 1, serviceId: "a:b-c_d", connectionId: 1 })],
  ["a reset with leftovers", makeMessage({ type: 3, streamId: 1, connectionId: 2 ** 32 - 1 })],
  ["only a type", makeMessage({ type: 4 })],
  ["no services", makeMessage({ type: 5 })],
  ["three services", makeMessage({ type: 5, availableServiceIds: ["SSH", "ü", ""] })],
  ["a negative stream id", makeMessage({ type: 6, streamId: -1, connectionId: 3 })],
  ["an ignorable unknown type", makeMessage({ type: 99, ignorable: true, payload: bytes("x") })],
  ["127 bytes of payload", makeMessage({ type: 1, streamId: 1, payload: new Uint8Array(127).fill(1) })],
  ["128 bytes of payload", makeMessage({ type: 1, streamId: 1, payload: new Uint8Array(128).fill(2) })],
  ["16,384 bytes of payload", makeMessage({ type: 1, streamId: 1, payload: new Uint8Array(16_384).fill(3) })],
  ["the longest payload", makeMessage({ type: 1, streamId: 1, payload: new Uint8Array(64_512).fill(4) })],
];

describe("encodeFrame", () => {
  test.each(messages)("writes %s as the schema says", (_title, message) => {
    expect(oracleDecode(encodeFrame(message))).toEqual(plain(message));
  });

  test("puts the length of the message before it, high byte first (P11)", () => {
    const frame = encodeFrame(makeMessage({ type: 1, streamId: 1, payload: new Uint8Array(300) }));
    expect(((frame[0] as number) << 8) | (frame[1] as number)).toBe(frame.length - 2);
  });

  test("puts the payload last", () => {
    const frame = encodeFrame(makeMessage({ type: 1, streamId: 1, connectionId: 5, payload: bytes("end") }));
    expect(hex(frame)).toBe("000b" + "0801" + "1001" + "3805" + "2203656e64");
  });

  test("copies the payload", () => {
    const payload = bytes("abc");
    const frame = encodeFrame(makeMessage({ type: 1, streamId: 1, payload }));
    payload.fill(0);
    expect(hex(decodeFrame(frame).payload)).toBe("616263");
  });

  test("refuses one byte of payload too many (P13)", () => {
    const payload = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
    expect(() => encodeFrame(makeMessage({ type: 1, streamId: 1, payload }))).toThrow(RangeError);
  });
});

describe("encodeFrame at the limit of a message (P11)", () => {
  test("takes 65,535 bytes and no more", () => {
    const write = (length: number) => encodeFrame(makeMessage({ type: 0, serviceId: "x".repeat(length) }));
    expect(write(65_531).length).toBe(65_537);
    expect(() => write(65_532)).toThrow(RangeError);
  });
});

describe("decodeFrame", () => {
  test.each(messages)("reads %s as the schema says", (_title, message) => {
    expect(plain(decodeFrame(oracleFrame({ ...message })))).toEqual(plain(message));
  });

  test("gives the payload as a view into the frame", () => {
    const frame = encodeFrame(makeMessage({ type: 1, streamId: 1, payload: bytes("view") }));
    expect(decodeFrame(frame).payload.buffer).toBe(frame.buffer);
  });

  test("takes the last value of a field that comes twice", () => {
    expect(decodeFrame(frameOf([0x08, 1, 0x10, 5, 0x10, 6])).streamId).toBe(6);
  });

  const broken: readonly (readonly [rule: string, title: string, bytes: readonly number[]])[] = [
    ["P12", "an unknown field", [0x08, 1, 0x40, 1]],
    ["P12", "an unknown field of bytes", [0x08, 1, 0x4a, 1, 0]],
    ["P12", "a known field of another wire type", [0x0a, 1, 0]],
    ["P12", "a message cut in a field", [0x08, 1, 0x10]],
    ["P12", "a payload longer than its message", [0x08, 1, 0x22, 9, 1]],
    ["P12", "a service id that is not UTF-8", [0x08, 1, 0x2a, 2, 0xc3, 0x28]],
    ["P12", "a field number of zero", [0x00, 1]],
    ["P12", "an end of a group", [0x0c]],
    ["P12", "deeply nested groups", Array(5_000).fill(0x4b)],
    ["P13", "a payload of 64,513 bytes", [0x08, 1, 0x22, 0x81, 0xf8, 0x03, ...Array(64_513).fill(0)]],
  ];
  test.each(broken)("refuses by %s %s", (rule, _title, content) => {
    expect(ruleBroken(() => decodeFrame(frameOf(content)))).toBe(rule);
  });
});

describe("describeMessage", () => {
  const rows: readonly (readonly [line: string, message: Message])[] = [
    [
      "DATA SSH stream 7 connection 2, 3 bytes",
      makeMessage({
        type: MessageType.Data,
        streamId: 7,
        serviceId: "SSH",
        connectionId: 2,
        payload: bytes("key"),
      }),
    ],
    ["STREAM_RESET (no service) stream 9", makeMessage({ type: MessageType.StreamReset, streamId: 9 })],
    ["SERVICE_IDS [A, B]", makeMessage({ type: MessageType.ServiceIds, availableServiceIds: ["A", "B"] })],
    ["type 42 (no service) stream 0", makeMessage({ type: 42 })],
  ];
  test.each(rows)("says %s", (line, message) => {
    expect(describeMessage(message)).toBe(line);
  });
});

function ruleBroken(body: () => unknown): string | undefined {
  try {
    body();
  } catch (error) {
    if (error instanceof RemoteProtocolError) return error.rule;
    throw error;
  }
  return undefined;
}
