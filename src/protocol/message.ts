import { Reader } from "protobufjs/minimal.js";
import { RemoteProtocolError } from "../base/errors.ts";
import { LENGTH_PREFIX_BYTES, MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES } from "./constants.ts";
import { tunnel } from "./message-static.js";

/** Message types, with who says each and when (P14 to P20). */
export const MessageType = {
  /** Nobody: invalid on the wire. */
  Unknown: 0,
  /** Either side: bytes of one connection. */
  Data: 1,
  /** The source: opens a stream, and with it the stream's first connection. */
  StreamStart: 2,
  /** Either side or the service: a stream and all its connections are over. */
  StreamReset: 3,
  /** The service alone: everything is over, after an internal error. */
  SessionReset: 4,
  /** The service alone, first on every WebSocket: the services of the tunnel. */
  ServiceIds: 5,
  /** The source, subprotocol 3.0: one more connection in an open stream. */
  ConnectionStart: 6,
  /** Either side, subprotocol 3.0: one connection is over. */
  ConnectionReset: 7,
} as const;

/** A message as this program handles it. As in proto3, 0 and "" stand for an absent field (P12). */
export interface Message {
  readonly type: number;
  readonly streamId: number;
  readonly serviceId: string;
  readonly connectionId: number;
  readonly ignorable: boolean;
  readonly availableServiceIds: readonly string[];
  /** A view into the bytes it was decoded from: copy it to keep it. */
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** A message with every field that is not given absent. */
export function makeMessage(fields: Partial<Message> & Pick<Message, "type">): Message {
  return {
    streamId: 0,
    serviceId: "",
    connectionId: 0,
    ignorable: false,
    availableServiceIds: [],
    payload: NOTHING,
    ...fields,
  };
}

const PAYLOAD_TAG = (4 << 3) | 2;

/**
 * One message behind its length prefix, in a buffer of its own (P11). The payload is copied once: the generated code
 * writes the other fields, the payload follows them, which proto3 allows.
 * @throws RangeError when the payload is longer than 64,512 bytes, or the message than 65,535: callers cut first.
 */
export function encodeFrame(message: Message): Uint8Array {
  const size = message.payload.length;
  if (size > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`payload of ${size} bytes, at most ${MAX_PAYLOAD_BYTES}`);
  }
  const { type, streamId, ignorable, payload, serviceId, availableServiceIds, connectionId } = message;
  const head = tunnel.Message.encode({
    type,
    streamId,
    ignorable,
    serviceId,
    availableServiceIds,
    connectionId,
  }).finish();
  const payloadHead = size === 0 ? 0 : 1 + varintBytes(size);
  const length = head.length + payloadHead + size;
  if (length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`message of ${length} bytes, at most ${MAX_MESSAGE_BYTES}`);
  }
  const frame = new Uint8Array(LENGTH_PREFIX_BYTES + length);
  frame[0] = length >>> 8;
  frame[1] = length & 0xff;
  frame.set(head, LENGTH_PREFIX_BYTES);
  if (size > 0) {
    const at = LENGTH_PREFIX_BYTES + head.length;
    frame[at] = PAYLOAD_TAG;
    writeVarint(frame, at + 1, size);
    frame.set(payload, at + payloadHead);
  }
  return frame;
}

/**
 * Reads the message of one frame. The payload is a view into the frame.
 * @throws RemoteProtocolError when the bytes are no message (P12), carry fields that no subprotocol has (P12) or more
 * payload than allowed (P13).
 */
export function decodeFrame(frame: Uint8Array): Message {
  const message = decode(frame.subarray(LENGTH_PREFIX_BYTES));
  if (message.$unknowns !== undefined) {
    throw new RemoteProtocolError("P12", "message has a field that no subprotocol defines");
  }
  if (message.payload.length > MAX_PAYLOAD_BYTES) {
    throw new RemoteProtocolError(
      "P13",
      `payload of ${message.payload.length} bytes, at most ${MAX_PAYLOAD_BYTES}`,
    );
  }
  return message;
}

function decode(bytes: Uint8Array) {
  try {
    const reader = Reader.create(bytes);
    // Otherwise the library skips unknown fields without a trace.
    reader.discardUnknown = false;
    return tunnel.Message.decode(reader);
  } catch (cause) {
    throw new RemoteProtocolError("P12", `${bytes.length} bytes that are no message`, cause);
  }
}

/** One line for logs and test titles: `DATA SSH stream 7 connection 2, 120 bytes`. Payload is never shown. */
export function describeMessage(message: Message): string {
  const ids = [
    message.serviceId || "(no service)",
    `stream ${message.streamId}`,
    ...(message.connectionId > 0 ? [`connection ${message.connectionId}`] : []),
  ];
  const name = TYPE_NAMES[message.type] ?? `type ${message.type}`;
  if (message.type === MessageType.ServiceIds) return `${name} [${message.availableServiceIds.join(", ")}]`;
  return `${name} ${ids.join(" ")}${message.payload.length > 0 ? `, ${message.payload.length} bytes` : ""}`;
}

const TYPE_NAMES = [
  "UNKNOWN",
  "DATA",
  "STREAM_START",
  "STREAM_RESET",
  "SESSION_RESET",
  "SERVICE_IDS",
  "CONNECTION_START",
  "CONNECTION_RESET",
];

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

function writeVarint(target: Uint8Array, at: number, value: number): void {
  let rest = value;
  let index = at;
  while (rest > 0x7f) {
    target[index++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[index] = rest;
}
