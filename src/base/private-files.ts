// Files and directories with tokens and keys: nobody else may read them, and a crash never leaves half a file.

import { randomUUID } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { ConfigError } from "./errors.ts";
import { userNumber } from "./platform.ts";
import { readRegularFile } from "./regular-file.ts";
import { shellLine } from "./shell.ts";
import { systemReason } from "./system-reason.ts";

/** What to type next when it fails. */
interface Advice {
  readonly hint?: string;
}

/** Makes a directory and its parents with mode 0700; an existing one keeps its mode. Throws ConfigError. */
export function makePrivateDirectory(path: string, { hint }: Advice = {}): void {
  try {
    refuseUnderSudo(path, hint === undefined ? {} : { hint });
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`cannot make the directory "${path}": ${systemReason(cause)}`, { cause, hint });
  }
}

/**
 * Makes a directory that only its owner can enter. An existing one keeps its mode: through a link that somebody planted,
 * a change would hit another directory.
 * Throws ConfigError when it cannot be made, when it or a link in its place belongs to somebody else, and when others
 * can write to it.
 */
export function claimPrivateDirectory(path: string, advice: Advice = {}): void {
  try {
    refuseUnderSudo(path, advice);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    checkOwner(path, advice);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`cannot use directory "${path}": ${systemReason(cause)}`, { cause, ...advice });
  }
}

/** A link of our own or of the system's administrator leads where they want; DynamicUser= of systemd makes one. */
function checkOwner(path: string, advice: Advice): void {
  const user = userNumber();
  if (user === undefined) return;
  const [link, target] = [lstatSync(path), statSync(path)];
  if (target.uid !== user || (link.uid !== user && link.uid !== 0)) {
    throw new ConfigError(`directory "${path}" belongs to another user`, advice);
  }
  if ((target.mode & 0o022) !== 0) {
    throw new ConfigError(`directory "${path}" can be written by other users`, {
      hint: `chmod 700 '${path}'`,
    });
  }
}

/**
 * Whether a directory is one that only this user can enter: no link, not somebody else's, closed to all others, and on
 * a file system that takes files.
 */
export function isPrivateDirectory(path: string): boolean {
  try {
    const facts = lstatSync(path);
    if (!facts.isDirectory()) return false;
    accessSync(path, constants.W_OK | constants.X_OK);
    const user = userNumber();
    return user === undefined || (facts.uid === user && (facts.mode & 0o077) === 0);
  } catch {
    return false;
  }
}

/** Whether nobody but this user, or the administrator, can rename what this user makes in a directory. */
export function isTrustedDirectory(path: string, isOwnOnly: boolean): boolean {
  try {
    const { uid, mode } = statSync(path);
    const user = userNumber();
    if (user === undefined) return true;
    const isOurs = uid === user || (uid === 0 && !isOwnOnly);
    return isOurs && ((mode & 0o022) === 0 || (mode & STICKY) !== 0);
  } catch {
    return false;
  }
}

const STICKY = 0o1000;

/**
 * User whose place it is where a path would be made; undefined when that is ours, or everybody's. To the administrator
 * every directory is open, but what is made for them inside a user's own would lock that user out.
 */
export function ownerOfPlace(path: string): number | undefined {
  if (userNumber() !== 0) return undefined;
  const { uid, mode } = statSync(nearestExisting(path));
  return uid === 0 || (mode & STICKY) !== 0 ? undefined : uid;
}

/** sudo may keep the environment, and with it the home, of the user who called it. */
function refuseUnderSudo(path: string, advice: Advice): void {
  const owner = ownerOfPlace(path);
  if (owner === undefined || String(owner) !== process.env["SUDO_UID"]) return;
  const whose = `"${nearestExisting(path)}" belongs to the user who called sudo`;
  throw new ConfigError(`the directory "${path}" is not made: ${whose}`, advice);
}

function nearestExisting(path: string): string {
  let at = resolve(path);
  while (statSync(at, { throwIfNoEntry: false }) === undefined && dirname(at) !== at) at = dirname(at);
  return at;
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
    throw new ConfigError(`cannot write "${path}": ${systemReason(cause)}`, { cause, hint });
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
    if (facts !== undefined && now - facts.mtimeMs > DRAFT_LIFE_MS) rmSync(path, { force: true });
  }
}

/** A file of ours has under 6 KiB (an access token at most 4 KiB); a larger one was not written by us. */
const MAX_FILE_BYTES = 16 * 1024;

/** Text of a regular file of at most 16 KiB; undefined when there is none. Throws ConfigError. */
export function readPrivateFile(path: string): string | undefined {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined) return undefined;
    if (!facts.isFile() || facts.size > MAX_FILE_BYTES) {
      throw new ConfigError(`"${path}" was not written by this program`, { hint: shellLine`rm ${path}` });
    }
    return readRegularFile(path, MAX_FILE_BYTES).toString("utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`cannot read "${path}": ${systemReason(cause)}`, { cause });
  }
}
