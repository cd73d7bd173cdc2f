import { createHash } from "node:crypto";
import type { Format } from "./format.ts";

const MACHINES: Readonly<Record<number, Format["machine"]>> = { 16777223: "x64", 16777228: "arm64" };
const EXECUTABLE = 2;
const LOAD_LIBRARY = 0xc;
const SIGNATURE = 0x1d;
const EMBEDDED_SIGNATURE = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;

/** Reads the headers of a 64-bit Mach-O program, and compares every page of it with its signature where it has one. */
export function readMachO(file: Buffer): Format {
  const machine = MACHINES[file.readUInt32LE(4)];
  if (machine === undefined) throw new Error(`Mach-O of machine ${file.readUInt32LE(4)}`);
  if (file.readUInt32LE(12) !== EXECUTABLE) throw new Error("Mach-O, but no program");
  const commands = commandsOf(file);
  const libraries = commands
    .filter(({ type }) => type === LOAD_LIBRARY)
    .map(({ at }) => textAt(file, at + file.readUInt32LE(at + 8)));
  const signature = commands.find(({ type }) => type === SIGNATURE);
  const isSigned = signature !== undefined;
  if (isSigned) checkSignature(file, file.readUInt32LE(signature.at + 8));
  return { kind: "Mach-O", machine, libraries, isSigned };
}

function commandsOf(file: Buffer): { readonly type: number; readonly at: number }[] {
  const commands: { type: number; at: number }[] = [];
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    commands.push({ type: file.readUInt32LE(at), at });
    at += file.readUInt32LE(at + 4);
  }
  return commands;
}

/** macOS ends a program whose pages are not those that were signed. */
function checkSignature(file: Buffer, start: number): void {
  if (file.readUInt32BE(start) !== EMBEDDED_SIGNATURE) throw new Error("Mach-O: its signature is not there");
  const count = file.readUInt32BE(start + 8);
  const blobs = Array.from(
    { length: count },
    (_, index) => start + file.readUInt32BE(start + 16 + index * 8),
  );
  const directory = blobs.find((at) => file.readUInt32BE(at) === CODE_DIRECTORY);
  if (directory === undefined) throw new Error("Mach-O: its signature has no sums");
  checkPages(file, directory, start);
}

function checkPages(file: Buffer, directory: number, signature: number): void {
  const hashes = directory + file.readUInt32BE(directory + 16);
  const pages = file.readUInt32BE(directory + 28);
  const limit = file.readUInt32BE(directory + 32);
  const [size = 0, type] = file.subarray(directory + 36, directory + 38);
  const pageSize = 1 << (file[directory + 39] ?? 0);
  if (type !== SHA256) throw new Error(`Mach-O: its signature has sums of kind ${type}`);
  if (limit !== signature) throw new Error(`Mach-O: signed up to ${limit}, not up to ${signature}`);
  for (let page = 0; page < pages; page += 1) {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, limit));
    const wanted = file.subarray(hashes + page * size, hashes + (page + 1) * size);
    const sum = createHash("sha256").update(bytes).digest();
    if (!sum.equals(wanted)) {
      throw new Error(`Mach-O: page ${page} of ${pages} is not the one that was signed`);
    }
  }
}

function textAt(file: Buffer, offset: number): string {
  return file.toString("latin1", offset, file.indexOf(0, offset));
}
