// Messages made of choices.
import { encodeFrame, type Message, MessageType, makeMessage } from "../../src/protocol/message.ts";
import type { Cursor } from "./cursor.ts";

const TYPES = Object.values(MessageType);
const NAMES = ["SSH", "SSH", "", "VNC", "ssh"];

/** A message that a session might see: few ids, so that they meet. */
function likelyMessage(cursor: Cursor): Message {
  const choice = cursor.byte();
  // One in nine is of a type that nobody knows yet, and may ask to be ignored.
  const type = TYPES[choice % 9] ?? 8;
  if (type === MessageType.ServiceIds) {
    return makeMessage({ type, availableServiceIds: choice < 128 ? ["SSH", "VNC"] : ["SSH"] });
  }
  const ids = cursor.byte();
  const serviceId = NAMES[cursor.below(NAMES.length)] ?? "";
  const payload = type === MessageType.Data ? cursor.take(cursor.below(24)) : new Uint8Array(0);
  const ignorable = choice >= 128;
  return makeMessage({
    type,
    streamId: ids % 4,
    connectionId: (ids >> 2) % 5,
    serviceId,
    payload,
    ignorable,
  });
}

/** A frame: a likely message, one that is spoilt in a byte, or bytes of any kind. */
export function likelyFrame(cursor: Cursor): Uint8Array {
  const choice = cursor.byte();
  if (choice < 16) return cursor.take(cursor.below(24)).slice();
  const frame = encodeFrame(likelyMessage(cursor));
  if (choice < 32) frame[cursor.below(frame.length)] = cursor.byte();
  return frame;
}
