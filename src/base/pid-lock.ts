import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import process from "node:process";
import { isRunning } from "./running.ts";
import { codeOf } from "./system-reason.ts";

/** Each attempt but the first follows one that took an abandoned lock away. */
const ATTEMPTS = 3;

/** Paths that this process holds: its own number alone does not tell, where every container's first process is 1. */
const held = new Set<string>();

/**
 * A lock between processes by a file with the holder's number in it, for a runtime that can lock no file. One that a
 * kill -9 left is taken over, unless another process has got its number meanwhile: then that one has to end first, or the
 * machine be started again.
 */
export class PidLock implements Disposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    held.add(path);
  }

  /** The lock, or undefined while another holder has it. Throws what the file system says. */
  static tryTake(path: string): PidLock | undefined {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (placeAnew(path)) return new PidLock(path);
      const holder = readIfThere(path);
      if (holder !== undefined && isAlive(path, Number(holder))) return undefined;
      if (holder !== undefined) takeAway(path, holder);
    }
    return undefined;
  }

  release(): void {
    if (held.delete(this.#path)) rmSync(this.#path, { force: true });
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** With its content from the first moment on, so that nobody reads half a number. False when there is one already. */
function placeAnew(path: string): boolean {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, String(process.pid), { mode: 0o600, flag: "wx" });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isAlive(path: string, pid: number): boolean {
  if (pid === process.pid) return held.has(path);
  const bootedAt = Date.now() - uptime() * 1_000;
  const writtenAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Number.isInteger(pid) && pid > 0 && writtenAt > bootedAt && isRunning(pid);
}

/** Puts it back when it is no longer the one that was looked at. */
function takeAway(path: string, holder: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    if (readFileSync(aside, "utf8") !== holder) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
