import { util, Writer } from "protobufjs/minimal.js";
import { MAX_PAYLOAD_BYTES } from "./constants.ts";

/**
 * Connection id of a stream's control channel (P90). Ids are counted up from 1, and nobody opens so many connections in
 * a stream within a tunnel's life. Four bytes on the wire, as every known client can read (P21). The largest prime of
 * that length: a number that nobody takes for a mark of his own, as he might the very last one.
 */
export const CONTROL_CONNECTION_ID = 2 ** 28 - 57;

/** What this program speaks (P92). */
export const CONTROL_VERSION = 1;

/** What stands before each control message: no application begins like this (P91). */
export const MAGIC = Uint8Array.of(0, 0x74, 0x75, 0x6e, 0x6e, 0x65, 0x6c, 0);

/** Longest address in a REASON, in bytes: the path of a Unix socket, and nearly every host name, is shorter (P97). */
export const MAX_ADDRESS_BYTES = 128;

/** Why a connection ended, as one end tells the other (P97). */
export const Why = { Unknown: 0, Refused: 1, Unreachable: 2, TimedOut: 3, Reset: 4, Stopped: 5 } as const;
export type Why = (typeof Why)[keyof typeof Why];

export interface Hello {
  readonly version: number;
  readonly features: number;
  /** 16 bytes: whoever knows them may go on with the connections they name. */
  readonly session: Uint8Array;
  /** Bytes that a connection may be sent before the first credit for it. */
  readonly window: number;
  /** Bits that the receiver must know. */
  readonly required: number;
}

export interface Credit {
  readonly connection: number;
  /** Bytes that may be sent in all, from the first of the connection. */
  readonly limit: number;
  /** Bytes handed to the local socket; one more with the end of file. */
  readonly acknowledged: number;
}

export interface Fin {
  readonly connection: number;
  readonly bytes: number;
}

export interface Reason {
  readonly connection: number;
  readonly why: number;
  /** What could not be reached, as the device's service map has it: a stranger's text. At most 128 bytes of UTF-8. */
  readonly address?: string | undefined;
}

export interface Position {
  readonly connection: number;
  readonly received: number;
}

export interface Resumed {
  /** Undefined: the destination knows nothing of it. */
  readonly positions: readonly Position[] | undefined;
  /** The destination has never heard of a connection from this id on. */
  readonly next: number;
}

/** One control message; what it does not say is empty. */
export interface Control {
  readonly hello?: Hello | undefined;
  readonly resume?: readonly Position[] | undefined;
  readonly resumed?: Resumed | undefined;
  readonly credits: readonly Credit[];
  readonly fins: readonly Fin[];
  readonly reasons: readonly Reason[];
  /** To be given back as `answer`; 0 is none. */
  readonly probe: number;
  readonly answer: number;
}

/** Whether a payload claims to be a control message. */
export function isControl(payload: Uint8Array): boolean {
  return payload.length >= MAGIC.length && MAGIC.every((byte, index) => payload[index] === byte);
}

/** The payload of a control message: the same bytes for the same content, always. */
export function encodeControl(control: Partial<Control>): Uint8Array {
  const { hello, resume, resumed, credits = [], fins = [], reasons = [], probe = 0, answer = 0 } = control;
  const writer = Writer.create();
  if (hello !== undefined) nested(writer, 1, () => writeHello(writer, hello));
  if (resume !== undefined) nested(writer, 2, () => writePositions(writer, resume));
  if (resumed !== undefined) {
    nested(writer, 3, () => {
      writePositions(writer, resumed.positions ?? []);
      number(writer, 2, resumed.positions === undefined ? 1 : 0);
      number(writer, 3, resumed.next);
    });
  }
  for (const { connection, limit, acknowledged } of credits) {
    nested(writer, 4, () => numbers(writer, connection, limit, acknowledged));
  }
  for (const { connection, bytes } of fins) nested(writer, 5, () => numbers(writer, connection, bytes));
  for (const reason of reasons) nested(writer, 6, () => writeReason(writer, reason));
  number(writer, 7, probe);
  number(writer, 8, answer);
  return payloadOf(writer);
}

function payloadOf(writer: Writer): Uint8Array {
  const body = writer.finish();
  const payload = new Uint8Array(MAGIC.length + body.length);
  payload.set(MAGIC);
  payload.set(body, MAGIC.length);
  return payload;
}

/** The payload of a control message of so many bytes, or a few less, that the other end drops (P106). */
export function encodeLoad(maxBytes: number): Uint8Array {
  const writer = Writer.create();
  const bytes = Math.max(0, Math.min(maxBytes, MAX_PAYLOAD_BYTES) - MAGIC.length - 4);
  return payloadOf(writer.uint32((9 << 3) | 2).bytes(new Uint8Array(bytes)));
}

function nested(writer: Writer, field: number, write: () => void): void {
  writer.uint32((field << 3) | 2).fork();
  write();
  writer.ldelim();
}

function number(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32(field << 3).uint64(value);
}

/** Fields 1, 2, … */
function numbers(writer: Writer, ...values: readonly number[]): void {
  for (const [index, value] of values.entries()) number(writer, index + 1, value);
}

function writeReason(writer: Writer, { connection, why, address = "" }: Reason): void {
  numbers(writer, connection, why);
  // A part of an address would be another address.
  if (address !== "" && util.utf8.length(address) <= MAX_ADDRESS_BYTES) {
    writer.uint32((3 << 3) | 2).string(address);
  }
}

function writeHello(writer: Writer, { version, features, session, window, required }: Hello): void {
  numbers(writer, version, features);
  if (session.length > 0) writer.uint32((3 << 3) | 2).bytes(session);
  number(writer, 4, window);
  number(writer, 5, required);
}

function writePositions(writer: Writer, positions: readonly Position[]): void {
  for (const { connection, received } of positions) {
    nested(writer, 1, () => numbers(writer, connection, received));
  }
}
