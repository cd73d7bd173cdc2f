// Smallest programs of macOS and Windows: headers, and one page that a signature may cover.
import { createHash } from "node:crypto";

const PAGE = 4_096;
const SUMS_AT = 12 + 8 + 44;

/** A Mach-O program for Intel with one page of code and, where asked for, a signature of it at its end. */
export function machO({ signed = true }: { readonly signed?: boolean } = {}): Buffer {
  const file = Buffer.alloc(signed ? PAGE + SUMS_AT + 32 : PAGE);
  file.writeUInt32BE(0xcffaedfe, 0);
  for (const [at, value] of [
    [4, 0x1000007],
    [12, 2],
    [16, signed ? 2 : 1],
    [20, signed ? 72 + 16 : 72],
    [32, 0x19],
    [36, 72],
  ] as const) {
    file.writeUInt32LE(value, at);
  }
  file.write("__LINKEDIT", 40, "latin1");
  file.writeBigUInt64LE(100n, 32 + 40);
  file.writeBigUInt64LE(BigInt(file.length - 100), 32 + 48);
  if (signed) sign(file);
  return file;
}

function sign(file: Buffer): void {
  writeRow([0x1d, 16, PAGE, file.length - PAGE], (value, at) => file.writeUInt32LE(value, 32 + 72 + at));
  writeRow([0xfade0cc0, file.length - PAGE, 1, 0, 20], (value, at) => file.writeUInt32BE(value, PAGE + at));
  const directory = PAGE + 20;
  for (const [at, value] of [
    [0, 0xfade0c02],
    [16, 44],
    [28, 1],
    [32, PAGE],
  ] as const) {
    file.writeUInt32BE(value, directory + at);
  }
  file.set([32, 2, 0, 12], directory + 36);
  createHash("sha256")
    .update(file.subarray(0, PAGE))
    .digest()
    .copy(file, directory + 44);
}

function writeRow(values: readonly number[], write: (value: number, at: number) => void): void {
  for (const [index, value] of values.entries()) write(value, index * 4);
}

/** A 64-bit Windows program with a console that loads one library. */
export function pe(library: string): Buffer {
  const file = Buffer.alloc(1_024);
  file.write("MZ", 0, "latin1");
  file.writeUInt32LE(64, 0x3c);
  file.write("PE\0\0", 64, "latin1");
  file.writeUInt16LE(0x8664, 68);
  file.writeUInt16LE(1, 70);
  file.writeUInt16LE(240, 84);
  file.writeUInt16LE(0x20b, 88);
  file.writeUInt16LE(3, 88 + 68);
  file.writeUInt32LE(0x1000, 88 + 120);
  writeRow([0x1000, 512, 512], (value, at) => file.writeUInt32LE(value, 88 + 240 + 12 + at));
  file.writeUInt32LE(0x1040, 512 + 12);
  file.write(`${library}\0`, 512 + 0x40, "latin1");
  return file;
}
