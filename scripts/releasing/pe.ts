import type { Format } from "./format.ts";

const MACHINES: Readonly<Record<number, Format["machine"]>> = { 34404: "x64", 43620: "arm64" };
const PE32_PLUS = 0x20b;
const CONSOLE = 3;

/** Reads the headers of a 64-bit Windows program that has a console. */
export function readPe(file: Buffer): Format {
  const header = file.readUInt32LE(0x3c);
  if (file.toString("latin1", header, header + 4) !== "PE\0\0") throw new Error("MZ, but no PE");
  const machine = MACHINES[file.readUInt16LE(header + 4)];
  if (machine === undefined) throw new Error(`PE of machine ${file.readUInt16LE(header + 4)}`);
  const optional = header + 24;
  if (file.readUInt16LE(optional) !== PE32_PLUS) throw new Error("PE, but not of 64 bits");
  if (file.readUInt16LE(optional + 68) !== CONSOLE) throw new Error("PE, but no program of a console");
  return { kind: "PE", machine, libraries: importsOf(file, header, optional) };
}

function importsOf(file: Buffer, header: number, optional: number): string[] {
  const sections = optional + file.readUInt16LE(header + 20);
  const count = file.readUInt16LE(header + 6);
  const offsetOf = (address: number) => {
    for (let at = sections; at < sections + count * 40; at += 40) {
      const first = file.readUInt32LE(at + 12);
      const isInside = address >= first && address < first + file.readUInt32LE(at + 16);
      if (isInside) return address - first + file.readUInt32LE(at + 20);
    }
    throw new Error(`PE: nothing is loaded at ${address.toString(16)}`);
  };
  const names: string[] = [];
  let at = offsetOf(file.readUInt32LE(optional + 120));
  for (; file.readUInt32LE(at + 12) !== 0; at += 20) {
    const name = offsetOf(file.readUInt32LE(at + 12));
    names.push(file.toString("latin1", name, file.indexOf(0, name)));
  }
  return names;
}
