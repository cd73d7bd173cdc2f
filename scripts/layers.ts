// Fails when a file of src imports a layer to its right or beside it, when a pure file reaches for time, chance
// or the machine, and when a file re-exports others under the name of its folder.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";

/** Layers from left to right; names in one row are siblings. */
const ROWS = [
  ["base"],
  ["protocol"],
  ["engine"],
  ["net", "aws"],
  ["proxy", "emulator"],
  ["agent", "operator"],
  ["tui"],
  ["cli", "lib"],
];

/** Everything in src that is handed bytes and time and touches nothing else. */
const PURE = /^src\/(protocol|engine|emulator\/relay\/relay\.ts)/;

/** The one file that may name a runtime: what it gives does nothing on another one. */
const RUNTIME = "src/net/bun.ts";
/** The only things outside its own layers that a pure file may import. */
const PURE_IMPORTS =
  /^src\/(protocol|engine|emulator\/relay)\/|^src\/base\/errors\.ts$|^protobufjs\/minimal\.js$/;

const IMPORT =
  /\b(?:import|export)\s+(?<type>type\b)?[^"'`();]*?\bfrom\s+"(?<from>[^"]+)"|\bimport\s+"(?<bare>[^"]+)"|\bimport\(\s*(?:"(?<lazy>[^"]+)"|(?<computed>[^\s"]))/g;

interface Import {
  /** A path from the top of the repository, or the name of a package. */
  readonly target: string;
  readonly isType: boolean;
}

/** Sentences about what is wrong in the file at `path` (from the top of the repository, slashes). */
export function layerFaults(path: string, source: string): string[] {
  const faults: string[] = [];
  const layer = layerOf(path);
  if (rowOf(layer) === -1) faults.push(`${path}: "${layer}" is not a layer`);
  if (/\/(index|mod)\.[jt]sx?$/.test(path)) {
    faults.push(`${path}: barrel: import the file that holds the thing`);
  }
  if (path !== RUNTIME && /\bBun[.:?]|"bun(:\w+)?"/.test(source)) {
    faults.push(`${path}: Bun's own API: these sources also run under Deno; it has its place in ${RUNTIME}`);
  }
  if (PURE.test(path) && /\bMath\.random\b|\bDate\b[.(]/.test(source)) {
    faults.push(`${path}: time and chance are arguments in a pure file`);
  }
  for (const { target, isType } of importsOf(path, source)) {
    const reason = whyForbidden(path, target, isType);
    if (reason !== undefined) faults.push(`${path}: imports ${target}: ${reason}`);
  }
  return faults;
}

function importsOf(path: string, source: string): Import[] {
  return [...source.matchAll(IMPORT)].map(({ groups = {} }) => {
    const { from, bare, lazy, type } = groups;
    const name = from ?? bare ?? lazy ?? "(computed)";
    return { target: name.startsWith(".") ? join(dirname(path), name) : name, isType: type !== undefined };
  });
}

function whyForbidden(path: string, target: string, isType: boolean): string | undefined {
  if (target === "(computed)") return "write the name of the module out";
  if (PURE.test(path) && !PURE_IMPORTS.test(target)) return "not allowed in a pure file";
  if (/^(scripts|test)\//.test(target)) return "outside of src";
  if (!target.startsWith("src/")) return undefined;
  const from = layerOf(path);
  const to = layerOf(target);
  if (from === to) return undefined;
  if (from === "emulator") return whyNotInEmulator(target, isType);
  if (rowOf(to) === rowOf(from)) return `${to} is a sibling of ${from}`;
  if (rowOf(to) > rowOf(from)) return `${to} is above ${from}`;
  return undefined;
}

/**
 * The emulator can be lifted out: it shares the wire and the service's shapes with the rest, and of the code above the
 * protocol only what makes up for a runtime's TLS.
 */
function whyNotInEmulator(target: string, isType: boolean): string | undefined {
  if (["base", "protocol"].includes(layerOf(target)) || target === "src/net/tls-gate.ts") return undefined;
  if (target === "src/aws/shapes.ts" && isType) return undefined;
  return "emulator imports base, protocol, net/tls-gate.ts and the types of aws/shapes.ts only";
}

function layerOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function rowOf(layer: string): number {
  return ROWS.findIndex((row) => row.includes(layer));
}

function main(): void {
  const paths = readdirSync("src", { recursive: true, encoding: "utf8" }).map((path) => `src/${path}`);
  const sources = paths.filter((path) => /\.[jt]sx?$/.test(path) && !path.endsWith(".d.ts"));
  const faults = sources.flatMap((path) => layerFaults(path, readFileSync(path, "utf8")));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
