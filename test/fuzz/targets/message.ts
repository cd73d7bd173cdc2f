import { RemoteProtocolError } from "../../../src/base/errors.ts";
import { MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES } from "../../../src/protocol/constants.ts";
import { decodeFrame, describeMessage, encodeFrame, type Message } from "../../../src/protocol/message.ts";
import { checkMessage, type Sender } from "../../../src/protocol/rules.ts";
import { attempt, isEqual, must, type Target } from "../target.ts";

const SENDERS: readonly Sender[][] = [["source"], ["destination", "service"], ["source", "service"]];

/** The bytes of one message, behind a length that nobody asks again. */
export const message: Target = {
  name: "message",
  examples: [
    Uint8Array.of(0, 11, 8, 1, 16, 5, 34, 2, 1, 2, 42, 1, 65, 56),
    Uint8Array.of(0, 0, 8, 1, 16, 5, 34, 2, 1, 2, 42, 1, 65, 56, 3),
    Uint8Array.of(0, 0, 8, 5, 50, 3, 83, 83, 72, 50, 0),
    Uint8Array.of(0, 0, 8, 9, 24, 1),
    Uint8Array.of(0, 0, 8, 0x80, 0x80, 0x80, 0x80, 0x78, 16, 0xff, 0xff, 0xff, 0xff, 0x0f),
  ],
  words: [
    Uint8Array.of(8, 1),
    Uint8Array.of(16, 1),
    Uint8Array.of(24, 1),
    Uint8Array.of(34, 1, 7),
    Uint8Array.of(42, 2, 0xc3, 0xa9),
    Uint8Array.of(50, 1, 65),
    Uint8Array.of(56, 1),
    Uint8Array.of(66, 1, 0),
    Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x01),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    Uint8Array.of(42, 0x80, 1),
    Uint8Array.of(0x0b, 0x0c),
    // Payloads at the lengths at which their length needs one more byte.
    Uint8Array.of(34, 127, ...new Array(127).fill(9)),
    Uint8Array.of(34, 0x80, 1, ...new Array(128).fill(9)),
    Uint8Array.of(34, 0x81, 1, ...new Array(129).fill(9)),
  ],
  maxLength: 300,
  suiteRuns: 600_000,
  run(input) {
    const decoded = attempt(() => decodeFrame(input), RemoteProtocolError);
    if (decoded instanceof RemoteProtocolError) {
      must(decoded.rule === "P12" || decoded.rule === "P13", `refused by rule ${decoded.rule}`);
      return;
    }
    checkFields(decoded, input.length);
    const line = describeMessage(decoded);
    must(line.length < 100 + 4 * input.length, "the line of a message is longer than the message");
    for (const senders of SENDERS) attempt(() => checkMessage(decoded, senders), RemoteProtocolError);
    checkSame(decoded, decodeFrame(encodeFrame(decoded)));
  },
};

function checkFields(decoded: Message, length: number): void {
  const { type, streamId, connectionId, ignorable, payload, serviceId, availableServiceIds } = decoded;
  must((type | 0) === type && (streamId | 0) === streamId, "an id is no int32");
  must(connectionId >>> 0 === connectionId, "a connection id is no uint32");
  must(typeof ignorable === "boolean", "ignorable is no boolean");
  must(payload.length <= Math.min(length, MAX_PAYLOAD_BYTES), "the payload is longer than what came");
  const names = availableServiceIds.reduce((sum, name) => sum + name.length, serviceId.length);
  must(names <= length && length <= MAX_MESSAGE_BYTES, "the names are longer than what came");
  must(availableServiceIds.length <= length, "more names than bytes came");
}

function checkSame(one: Message, other: Message): void {
  must(
    one.type === other.type &&
      one.streamId === other.streamId &&
      one.connectionId === other.connectionId &&
      one.ignorable === other.ignorable &&
      one.serviceId === other.serviceId &&
      one.availableServiceIds.join("\0") === other.availableServiceIds.join("\0") &&
      one.availableServiceIds.length === other.availableServiceIds.length &&
      isEqual(one.payload, other.payload),
    "a message is another one after it was written and read again",
  );
}
