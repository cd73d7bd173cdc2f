import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Inputs that once broke something, a directory for each target: data, so that a fault is a file more. */
export const SEEDS = fileURLToPath(new URL("./seeds", import.meta.url));

/** A kept input by the name of its file. */
export interface Seed {
  readonly name: string;
  readonly input: Uint8Array;
}

export function seedsOf(target: string): Seed[] {
  const directory = join(SEEDS, target);
  try {
    return readdirSync(directory)
      .toSorted()
      .map((name) => ({ name, input: new Uint8Array(readFileSync(join(directory, name))) }));
  } catch {
    return []; // nothing was ever found
  }
}

/** Keeps an input and returns its path. */
export function keepSeed(target: string, input: Uint8Array): string {
  const directory = join(SEEDS, target);
  mkdirSync(directory, { recursive: true });
  const path = join(directory, createHash("sha256").update(input).digest("hex").slice(0, 16));
  writeFileSync(path, input);
  return path;
}
