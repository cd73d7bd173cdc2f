import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { ConfigError } from "../base/errors.ts";

/**
 * Makes a directory that only its owner can enter. An existing one that others can enter is closed to them.
 * Throws ConfigError when it cannot be made or belongs to somebody else.
 */
export function makePrivateDirectory(path: string): void {
  let owner: number;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const facts = statSync(path);
    owner = facts.uid;
    if (owner === process.getuid?.() && (facts.mode & 0o077) !== 0) {
      chmodSync(path, 0o700);
    }
  } catch (cause) {
    throw new ConfigError(`cannot use directory "${path}": ${reasonOf(cause)}`, { cause });
  }
  if (process.getuid !== undefined && owner !== process.getuid()) {
    throw new ConfigError(`directory "${path}" belongs to another user`);
  }
}

/** Writes a file that only its owner can read, at once: a reader sees the old text or all of the new one. */
export function writePrivateFile(path: string, text: string): void {
  const draft = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new ConfigError(`cannot write "${path}": ${reasonOf(cause)}`, { cause });
  }
}

/** A file of ours has under 6 KiB (an access token at most 4 KiB); a larger one was not written by us. */
const MAX_FILE_BYTES = 16 * 1024;

/** Text of a file written by writePrivateFile; undefined when there is none. */
export function readPrivateFile(path: string): string | undefined {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined) {
      return undefined;
    }
    if (facts.size > MAX_FILE_BYTES) {
      throw new ConfigError(`"${path}" was not written by this program`, { hint: `rm '${path}'` });
    }
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) {
      throw cause;
    }
    throw new ConfigError(`cannot read "${path}": ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}
