// Files of the state directory: nobody else may read the keys, and a crash never leaves half a file.
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
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

/** Refuses a directory in which somebody else could put a CA key of theirs. */
export function checkOwner(directory: string): void {
  const stat = statSync(directory);
  const userId = process.getuid?.();
  if (userId === undefined) {
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
