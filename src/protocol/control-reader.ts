// Reads control messages, which anybody may have written: what is not right in every part is none.
import { Reader, util } from "protobufjs/minimal.js";
import {
  CONTROL_CONNECTION_ID,
  type Control,
  type Credit,
  type Fin,
  type Hello,
  isControl,
  MAGIC,
  MAX_ADDRESS_BYTES,
  type Position,
  type Reason,
} from "./control.ts";

/** Bytes of a session id (P92). */
const SESSION_ID_BYTES = 16;

/** More of a kind in one control message are refused: a side has no more connections (P29). */
const MAX_CONTROL_ENTRIES = 4_096;

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
