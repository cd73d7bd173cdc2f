// Files of the state directory: nobody else may read the keys, and a crash never leaves half a file.
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ConfigError } from "../base/errors.ts";

const WRITABLE_BY_OTHERS = 0o022;

/** Makes `directory` and its parents with mode 0700; an existing one keeps its mode. */
export function makePrivateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ConfigError(`cannot make the directory "${directory}"`, {
      cause,
      hint: "choose another --state-dir",
    });
  }
}

/** Directories of a state directory, each with keys or certificates that are believed. */
const INNER = ["ca", "device-ca", "things"] as const;

/** Refuses a state directory in which, or in whose directories, somebody else could put a key of theirs. */
export function checkOwner(stateDirectory: string): void {
  for (const directory of [stateDirectory, ...INNER.map((name) => join(stateDirectory, name))]) {
    checkDirectory(directory);
  }
}

function checkDirectory(directory: string): void {
  const stat = statOf(directory);
  const userId = process.getuid?.();
  if (userId === undefined || stat === undefined) {
    return;
  }
  if (stat.uid !== userId && stat.uid !== 0) {
    throw new ConfigError(`state directory "${directory}" belongs to another user`, {
      hint: "choose another --state-dir",
    });
  }
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new ConfigError(`state directory "${directory}" can be written by others`, {
      hint: `chmod go-w '${directory}'`,
    });
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new ConfigError(`cannot use "${path}": ${reasonOf(cause)}`, {
      cause,
      hint: "choose another --state-dir",
    });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}

/** Makes a directory for this user alone among the temporary files. Throws ConfigError. */
export function makeTemporaryDirectory(): string {
  const parent = tmpdir();
  try {
    return mkdtempSync(join(parent, "tunnel-local-"));
  } catch (cause) {
    throw new ConfigError(`cannot make a directory in "${parent}": ${reasonOf(cause)}`, {
      cause,
      hint: "set TMPDIR to a directory that can be written, or name one with --state-dir",
    });
  }
}

/** Writes `content` so that a reader, or a start after a crash, sees the old file or the new one. */
export function writeFileAtomic(path: string, content: string, mode = 0o600): void {
  const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = openSync(temporary, "wx", mode);
    try {
      writeSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new ConfigError(`cannot write "${path}"`, { cause, hint: "choose another --state-dir" });
  }
}
