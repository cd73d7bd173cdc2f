// The schema as protobufjs reads it by reflection: a second codec that shares nothing with the generated one but
// the library's readers and writers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import type { Message } from "../../../src/protocol/message.ts";

const SCHEMA = readFileSync(join(import.meta.dirname, "../../../proto/message.proto"), "utf8");
const TYPE = protobuf.parse(SCHEMA).root.lookupType("tunnel.Message");

const NOTHING = {
  type: 0,
  streamId: 0,
  ignorable: false,
  serviceId: "",
  availableServiceIds: [],
  connectionId: 0,
};

/** Comparable with what `oracleDecode` and `plain` give. */
export interface PlainMessage {
  readonly type: number;
  readonly streamId: number;
  readonly ignorable: boolean;
  readonly serviceId: string;
  readonly availableServiceIds: readonly string[];
  readonly connectionId: number;
  /** Hexadecimal. */
  readonly payload: string;
}

/** One frame by the oracle: fields in the order of their numbers. */
export function oracleFrame(fields: Record<string, unknown>): Uint8Array {
  const bytes = TYPE.encode(TYPE.fromObject(fields)).finish();
  return frameOf(bytes);
}

/** A frame around any bytes. */
export function frameOf(bytes: ArrayLike<number>): Uint8Array {
  return Uint8Array.from([bytes.length >> 8, bytes.length & 0xff, ...Array.from(bytes)]);
}

export function oracleDecode(frame: Uint8Array): PlainMessage {
  const decoded = TYPE.toObject(TYPE.decode(frame.subarray(2)), { longs: Number, bytes: Array });
  return { ...NOTHING, ...decoded, payload: hex(Uint8Array.from(decoded["payload"] ?? [])) };
}

export function plain(message: Message): PlainMessage {
  const { type, streamId, ignorable, serviceId, connectionId } = message;
  const availableServiceIds = [...message.availableServiceIds];
  return {
    type,
    streamId,
    ignorable,
    serviceId,
    availableServiceIds,
    connectionId,
    payload: hex(message.payload),
  };
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
