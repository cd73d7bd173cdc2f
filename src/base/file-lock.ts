import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "./errors.ts";
import { systemReason } from "./system-reason.ts";

/**
 * A lock between processes that a kill -9 releases too. It is the lock on an SQLite file, the only one of that kind
 * that all runtimes offer. The file stays: removing it would let two processes lock two files of the same name.
 */
export class FileLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** The lock, or undefined while another process has it. Throws ConfigError when the file cannot be made. */
  static tryTake(path: string): FileLock | undefined {
    try {
      closeSync(openSync(path, "a", 0o600));
    } catch (cause) {
      throw new ConfigError(`cannot write "${path}": ${systemReason(cause)}`, { cause });
    }
    const database = new DatabaseSync(path);
    try {
      database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return new FileLock(database);
    } catch (error) {
      database.close();
      if (/locked|busy/i.test(String(error))) return undefined;
      // A file system of another machine may know no locks.
      throw new ConfigError(`cannot lock "${path}"`, { cause: error });
    }
  }

  release(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
