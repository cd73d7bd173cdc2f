import { Reader, util, Writer } from "protobufjs/minimal.js";
import { MAX_PAYLOAD_BYTES } from "./constants.ts";

/**
 * Connection id of a stream's control channel (P90). Ids are counted up from 1, and nobody opens so many connections in
 * a stream within a tunnel's life. Four bytes on the wire, as every known client can read (P21). The largest prime of
 * that length: a number that nobody takes for a mark of his own, as he might the very last one.
 */
export const CONTROL_CONNECTION_ID = 2 ** 28 - 57;

/** Bytes of a session id (P92). */
const SESSION_ID_BYTES = 16;

/** What this program speaks (P92). */
export const CONTROL_VERSION = 1;

/** What stands before each control message: no application begins like this (P91). */
const MAGIC = Uint8Array.of(0, 0x74, 0x75, 0x6e, 0x6e, 0x65, 0x6c, 0);

/** More of a kind in one control message are refused: a side has no more connections (P29). */
const MAX_CONTROL_ENTRIES = 4_096;

/** Longest address in a REASON, in bytes: the path of a Unix socket, and nearly every host name, is shorter (P97). */
const MAX_ADDRESS_BYTES = 128;

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

/** @returns undefined when the payload is none, or says what cannot be */
export function decodeControl(payload: Uint8Array): Control | undefined {
  if (!isControl(payload)) return undefined;
  try {
    return readControl(payload.subarray(MAGIC.length));
  } catch {
    // Whatever the library says of bytes that are no message.
    return undefined;
  }
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

function readControl(bytes: Uint8Array): Control {
  let hello: Hello | undefined;
  let resume: readonly Position[] | undefined;
  let resumed: Control["resumed"];
  const credits: Credit[] = [];
  const fins: Fin[] = [];
  const reasons: Reason[] = [];
  const nested: Record<number, (bytes: Uint8Array) => void> = {
    1: (inner) => {
      hello = once(hello, readHello(inner));
    },
    2: (inner) => {
      resume = once(resume, readPositions(inner).positions);
    },
    3: (inner) => {
      const { positions, isUnknown, next } = readPositions(inner);
      resumed = once(resumed, { positions: isUnknown ? undefined : positions, next });
    },
    4: (inner) => {
      const [, connection, limit, acknowledged] = readNumbers(inner);
      add(credits, {
        connection: idOf(connection),
        limit: countOf(limit),
        acknowledged: countOf(acknowledged),
      });
    },
    5: (inner) => {
      const [, connection, count] = readNumbers(inner);
      add(fins, { connection: idOf(connection), bytes: countOf(count) });
    },
    6: (inner) => add(reasons, readReason(inner)),
  };
  const numbers = readNumbers(bytes, (field, inner) => nested[field]?.(inner));
  const [probe, answer] = [uint32Of(numbers[7]), uint32Of(numbers[8])];
  return { hello, resume, resumed, credits, fins, reasons, probe, answer };
}

function readReason(bytes: Uint8Array): Reason {
  let address: string | undefined;
  const [, connection, why] = readNumbers(bytes, (field, inner) => {
    if (field === 3) address = readAddress(inner);
  });
  return { connection: idOf(connection), why: uint32Of(why), address };
}

/** The reason counts without an address that is none. */
function readAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > MAX_ADDRESS_BYTES) return undefined;
  const text = util.utf8.read(bytes, 0, bytes.length);
  const again = new Uint8Array(util.utf8.length(text));
  util.utf8.write(text, again, 0);
  const isText = again.length === bytes.length && again.every((byte, index) => byte === bytes[index]);
  return isText ? text : undefined;
}

function readHello(bytes: Uint8Array): Hello {
  let session: Uint8Array = new Uint8Array(0);
  const numbers = readNumbers(bytes, (field, inner) => {
    if (field === 3) session = Uint8Array.from(inner);
  });
  if (session.length !== SESSION_ID_BYTES) throw new RangeError("a session id of another length");
  const [, version, features, , window, required] = numbers.map(uint32Of);
  if (version === undefined || version === 0) throw new RangeError("no version");
  return { version, features: features ?? 0, session, window: window ?? 0, required: required ?? 0 };
}

function readPositions(bytes: Uint8Array) {
  const positions: Position[] = [];
  const named = new Set<number>();
  const numbers = readNumbers(bytes, (field, inner) => {
    if (field !== 1) return;
    const [, connection, received] = readNumbers(inner);
    const id = idOf(connection);
    if (named.has(id)) throw new RangeError("a connection twice");
    named.add(id);
    add(positions, { connection: id, received: countOf(received) });
  });
  return { positions, isUnknown: countOf(numbers[2]) !== 0, next: uint32Of(numbers[3]) };
}

/** Highest field of a message that is a number here. */
const LAST_NUMBER = 8;

/** The numbers of a message by their field; what has a length goes to `onBytes`, the rest is skipped. */
function readNumbers(
  bytes: Uint8Array,
  onBytes?: (field: number, bytes: Uint8Array) => void,
): (number | undefined)[] {
  const numbers: (number | undefined)[] = new Array(LAST_NUMBER + 1).fill(undefined);
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    const wireType = tag & 7;
    if (field === 0) throw new RangeError("field 0");
    if (wireType === 2) onBytes?.(field, reader.bytes());
    else if (wireType === 0 && field <= LAST_NUMBER) numbers[field] = Number(String(reader.uint64()));
    else reader.skipType(wireType);
  }
  return numbers;
}

function once<T>(before: T | undefined, value: T): T {
  if (before !== undefined) throw new RangeError("said twice");
  return value;
}

function add<T>(list: T[], entry: T): void {
  if (list.length >= MAX_CONTROL_ENTRIES) throw new RangeError("too many");
  list.push(entry);
}

function idOf(value: number | undefined): number {
  const id = uint32Of(value);
  if (id === 0 || id === CONTROL_CONNECTION_ID) throw new RangeError("no connection");
  return id;
}

function uint32Of(value = 0): number {
  if (value > 0xffff_ffff) throw new RangeError("more than 32 bits");
  return value;
}

/** Bytes of a connection. */
function countOf(value = 0): number {
  if (!Number.isSafeInteger(value)) throw new RangeError("more bytes than there are");
  return value;
}
