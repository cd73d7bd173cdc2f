// Files and directories with tokens and keys: nobody else may read them, and a crash never leaves half a file.

import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { ConfigError } from "./errors.ts";
import { readRegularFile } from "./regular-file.ts";
import { shellLine } from "./shell.ts";

/** What to type next when it fails. */
interface Advice {
  readonly hint?: string;
}

/** Makes a directory and its parents with mode 0700; an existing one keeps its mode. Throws ConfigError. */
export function makePrivateDirectory(path: string, { hint }: Advice = {}): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ConfigError(`cannot make the directory "${path}": ${reasonOf(cause)}`, { cause, hint });
  }
}

/**
 * Makes a directory that only its owner can enter. An existing one that others can enter is closed to them.
 * Throws ConfigError when it cannot be made or belongs to somebody else.
 */
export function claimPrivateDirectory(path: string): void {
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

/**
 * Writes a file, at once: a reader, or a start after a crash, sees the old text or all of the new one. `mode` is 0600
 * unless told otherwise. Throws ConfigError.
 */
export function writePrivateFile(
  path: string,
  text: string,
  { mode = 0o600, hint }: Advice & { readonly mode?: number } = {},
): void {
  const draft = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const file = openSync(draft, "wx", mode);
    try {
      // Not writeSync, which may write a part only and then says so in its result.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new ConfigError(`cannot write "${path}": ${reasonOf(cause)}`, { cause, hint });
  }
}

const DRAFT = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/** Writing a few kilobytes takes less, so whoever wrote an older draft was killed meanwhile. */
const DRAFT_LIFE_MS = 60_000;

/** Removes the drafts that killed processes left in a directory. `now` in milliseconds since 1970. */
export function removeDrafts(directory: string, now: number): void {
  for (const name of readdirSync(directory).filter((each) => DRAFT.test(each))) {
    const path = join(directory, name);
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts !== undefined && now - facts.mtimeMs > DRAFT_LIFE_MS) {
      rmSync(path, { force: true });
    }
  }
}

/** A file of ours has under 6 KiB (an access token at most 4 KiB); a larger one was not written by us. */
const MAX_FILE_BYTES = 16 * 1024;

/** Text of a file of at most 16 KiB; undefined when there is none. Throws ConfigError. */
export function readPrivateFile(path: string): string | undefined {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined) {
      return undefined;
    }
    if (facts.size > MAX_FILE_BYTES) {
      throw new ConfigError(`"${path}" was not written by this program`, { hint: shellLine`rm ${path}` });
    }
    return readRegularFile(path, MAX_FILE_BYTES).toString("utf8");
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
