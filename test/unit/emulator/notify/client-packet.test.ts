import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readClientPacket } from "../../../../src/emulator/notify/client-packet.ts";

const text = (value: string) => [0, value.length, ...Buffer.from(value)];
const connect = (name: string, level: number, flags: number, ...payload: readonly number[]) => ({
  type: 1,
  flags: 0,
  body: Uint8Array.from([...text(name), level, flags, 0, 10, ...payload]),
});

describe("readClientPacket", () => {
  test("reads CONNECT with all that it may have", () => {
    const payload = [...text("id"), ...text("topic"), ...text("bye"), ...text("user"), ...text("pass")];
    expect(readClientPacket(connect("MQTT", 4, 0b1100_0100, ...payload))).toEqual({
      type: "connect",
      level: 4,
      isClean: false,
      clientId: "id",
      keepAlive: 10,
      willTopic: "topic",
    });
  });

  test.each([
    ["MQTT", 5],
    ["MQTT", 3],
    ["MQIsdp", 4],
    ["MQTT", 0],
  ])("tells %s of level %d that it is not spoken", (name, level) => {
    expect(readClientPacket(connect(name, level, 2, ...text("id")))).toEqual({
      type: "unknown-version",
      level,
    });
  });

  test.each([
    ["a will of QoS 3", connect("MQTT", 4, 0b0001_1110, ...text("id"), ...text("t"), ...text("m"))],
    ["a will on $SYS", connect("MQTT", 4, 0b0000_0110, ...text("id"), ...text("$SYS/x"), ...text("m"))],
    ["a will on a wildcard", connect("MQTT", 4, 0b0000_0110, ...text("id"), ...text("a/#"), ...text("m"))],
    ["a password alone", connect("MQTT", 4, 0b0100_0010, ...text("id"), ...text("p"))],
    ["bytes behind the end", connect("MQTT", 4, 2, ...text("id"), 0)],
    ["an id with a line break", connect("MQTT", 4, 2, ...text("a\nb"))],
    ["another protocol", connect("HTTP", 4, 2, ...text("id"))],
    ["a PINGREQ with a body", { type: 12, flags: 0, body: Uint8Array.of(0) }],
    ["a SUBSCRIBE without flags", { type: 8, flags: 0, body: Uint8Array.of(0, 1, 0, 1, 112, 0) }],
    ["what only a server sends", { type: 2, flags: 0, body: Uint8Array.of(0, 0) }],
  ])("refuses %s", (_title, packet) => {
    expect(() => readClientPacket(packet)).toThrow(TypeError);
  });

  test("throws nothing but TypeError, whatever comes", () => {
    const packet = fc.record({
      type: fc.integer({ min: 0, max: 15 }),
      flags: fc.integer({ min: 0, max: 15 }),
      body: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(packet, (raw) => {
        try {
          readClientPacket(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
