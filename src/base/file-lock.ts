import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { ConfigError } from "./errors.ts";
import { PidLock } from "./pid-lock.ts";
import { systemReason } from "./system-reason.ts";

/**
 * A lock between processes that a kill -9 releases too. It is the lock on an SQLite file, the only one of that kind that
 * runtimes offer; Node.js before 22.5 offers none, and gets a file with a process's number beside it. The file stays:
 * removing it would let two processes lock two files of the same name.
 */
export class FileLock implements Disposable {
  readonly #release: () => void;

  private constructor(release: () => void) {
    this.#release = release;
  }

  /** The lock, or undefined while another process has it. Throws ConfigError when the file cannot be made. */
  static tryTake(path: string): FileLock | undefined {
    try {
      closeSync(openSync(path, "a", 0o600));
    } catch (cause) {
      throw new ConfigError(`cannot write "${path}": ${systemReason(cause)}`, { cause });
    }
    // Asked for by name: an import would end the program where there is none.
    const sqlite = process.getBuiltinModule?.("node:sqlite");
    try {
      return sqlite === undefined
        ? FileLock.#byNumber(path)
        : FileLock.#byDatabase(new sqlite.DatabaseSync(path));
    } catch (error) {
      // A file system of another machine may know no locks.
      throw new ConfigError(`cannot lock "${path}"`, { cause: error });
    }
  }

  static #byNumber(path: string): FileLock | undefined {
    const lock = PidLock.tryTake(`${path}.pid`);
    return lock && new FileLock(() => lock.release());
  }

  static #byDatabase(database: import("node:sqlite").DatabaseSync): FileLock | undefined {
    try {
      database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return new FileLock(() => database.close());
    } catch (error) {
      database.close();
      if (/locked|busy/i.test(String(error))) return undefined;
      throw error;
    }
  }

  release(): void {
    this.#release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
