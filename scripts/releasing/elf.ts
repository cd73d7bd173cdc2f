import type { Format } from "./format.ts";

const MACHINES: Readonly<Record<number, Format["machine"]>> = { 62: "x64", 183: "arm64" };
const LOAD = 1;
const DYNAMIC = 2;
const INTERPRETER = 3;
const NEEDED = 1;
const STRINGS = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads the headers of a 64-bit little-endian ELF program. */
export function readElf(file: Buffer): Format {
  if (file[4] !== 2 || file[5] !== 1) throw new Error("ELF, but not of 64 bits, little end first");
  const machine = MACHINES[file.readUInt16LE(18)];
  if (machine === undefined) throw new Error(`ELF of machine ${file.readUInt16LE(18)}`);
  const segments = segmentsOf(file);
  const interpreter = segments.find(({ type }) => type === INTERPRETER);
  return {
    kind: "ELF",
    machine,
    ...(interpreter && { interpreter: textAt(file, interpreter.offset) }),
    libraries: neededOf(file, segments),
  };
}

function segmentsOf(file: Buffer): Segment[] {
  const start = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const header = file.subarray(start + index * size, start + (index + 1) * size);
    return {
      type: header.readUInt32LE(0),
      offset: Number(header.readBigUInt64LE(8)),
      address: Number(header.readBigUInt64LE(16)),
      size: Number(header.readBigUInt64LE(32)),
    };
  });
}

function neededOf(file: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === DYNAMIC);
  if (dynamic === undefined) return [];
  const entries = Array.from({ length: dynamic.size / 16 }, (_, index) => ({
    tag: Number(file.readBigInt64LE(dynamic.offset + index * 16)),
    value: Number(file.readBigUInt64LE(dynamic.offset + index * 16 + 8)),
  }));
  const strings = entries.find(({ tag }) => tag === STRINGS);
  if (strings === undefined) throw new Error("ELF without a table of names");
  const base = offsetOf(strings.value, segments);
  return entries.filter(({ tag }) => tag === NEEDED).map(({ value }) => textAt(file, base + value));
}

/** Where in the file that lies which is loaded at an address. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  const segment = segments.find(
    ({ type, address: first, size }) => type === LOAD && address >= first && address < first + size,
  );
  if (segment === undefined) throw new Error(`ELF: nothing is loaded at ${address.toString(16)}`);
  return segment.offset + address - segment.address;
}

function textAt(file: Buffer, offset: number): string {
  return file.toString("latin1", offset, file.indexOf(0, offset));
}
