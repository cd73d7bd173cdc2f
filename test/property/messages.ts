// Generators of messages and of hostile bytes.
import fc from "fast-check";
import { MAX_PAYLOAD_BYTES } from "../../src/protocol/constants.ts";
import { encodeFrame, type Message, MessageType, makeMessage } from "../../src/protocol/message.ts";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Short ones mostly, and the lengths at which a length needs one more byte. */
const payload = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(127, 128, 16_383, 16_384, MAX_PAYLOAD_BYTES)
      .map((size) => new Uint8Array(size).fill(size)),
  },
);

/** Anything the schema can say. */
export const anyMessage: fc.Arbitrary<Message> = fc.record({
  type: fc.oneof(fc.integer({ min: 0, max: 7 }), int32),
  streamId: fc.oneof(fc.integer({ min: 0, max: 3 }), int32),
  ignorable: fc.boolean(),
  serviceId: fc.oneof(fc.constantFrom("", "SSH", "VNC"), fc.string({ maxLength: 20, unit: "binary" })),
  availableServiceIds: fc.array(fc.string({ maxLength: 10 }), { maxLength: 4 }),
  connectionId: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  payload,
});

/** Messages that a session might really see: few ids, so that they meet. */
export const likelyMessage: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom(...Object.values(MessageType).filter((type) => type !== MessageType.Unknown)),
    streamId: fc.integer({ min: 1, max: 3 }),
    serviceId: fc.constantFrom("", "SSH", "SSH", "VNC"),
    connectionId: fc.integer({ min: 0, max: 3 }),
    payload: fc.uint8Array({ maxLength: 20 }),
  })
  .map((fields) =>
    fields.type === MessageType.ServiceIds
      ? makeMessage({ type: fields.type, availableServiceIds: ["SSH", "VNC"] })
      : makeMessage(fields),
  );

/** Frames with a message, sound or spoilt, and bytes of any kind. */
export const hostileBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  likelyMessage.map(encodeFrame),
  anyMessage.map(encodeFrame),
  fc.tuple(likelyMessage, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
    const frame = encodeFrame(message);
    frame[at % frame.length] = byte;
    return frame;
  }),
  fc.uint8Array({ maxLength: 60 }).map((body) => Uint8Array.from([0, body.length, ...body])),
);

/** Cuts bytes at places given as fractions of their length. */
export function cutAt(bytes: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const places = fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);
  return [0, ...places].map((place, index) => bytes.subarray(place, places[index] ?? bytes.length));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
