// What a compiled file is, read from its own headers.
import { readElf } from "./elf.ts";
import type { Format } from "./format.ts";
import { readMachO } from "./mach-o.ts";
import { readPe } from "./pe.ts";
import type { Target } from "./targets.ts";

/** Reads the headers of a program. Throws when it is none of those we make. */
export function readFormat(file: Buffer): Format {
  const magic = file.subarray(0, 4).toString("latin1");
  if (magic === "\x7fELF") return readElf(file);
  if (magic === "\xcf\xfa\xed\xfe") return readMachO(file);
  if (magic.startsWith("MZ")) return readPe(file);
  throw new Error(`begins with ${file.subarray(0, 4).toString("hex")}: no program of a system we know`);
}

/** Sentences about what of a file is not as its platform needs it; none when all is well. */
export function formatFaults(file: Buffer, target: Target): string[] {
  const format = readFormat(file);
  const differs = (["kind", "machine", "interpreter"] as const)
    .filter((key) => format[key] !== target[key])
    .map((key) => `${target.name}: ${key} is ${format[key]}, not ${target[key]}`);
  const foreign = format.libraries
    .filter((name) => !target.libraries.test(name))
    .map((name) => `${target.name}: wants ${name}, which not every system has`);
  // A processor of Apple's own runs nothing that is not signed, be it by nobody.
  const needsSignature = target.kind === "Mach-O" && target.machine === "arm64";
  const unsigned = needsSignature && !format.isSigned ? [`${target.name}: is not signed`] : [];
  return [...differs, ...foreign, ...unsigned];
}
