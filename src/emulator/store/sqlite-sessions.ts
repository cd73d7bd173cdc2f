import { closeSync, openSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Logger } from "../../base/log.ts";
import type { MessageRecord, SessionRecord, SessionStore } from "./session-store.ts";

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE sessions (
    thing_name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (thing_name, client_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE messages (
    sequence INTEGER PRIMARY KEY,
    thing_name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    document TEXT NOT NULL,
    FOREIGN KEY (thing_name, client_id) REFERENCES sessions (thing_name, client_id) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX messages_by_session ON messages (thing_name, client_id);
`;

/**
 * Sessions of devices in an SQLite file of their own (0600, since messages hold tokens). They live for an
 * hour and are a convenience: a file that cannot be read is begun anew, and one that cannot be written is given up, each
 * with a warning; nothing here ever fails a caller.
 */
export class SqliteSessionStore implements SessionStore {
  readonly #log: Logger;
  #database: DatabaseSync | undefined;

  constructor(path: string, log: Logger) {
    this.#log = log;
    this.#database = openAnew(path, log);
  }

  load(): { readonly sessions: readonly SessionRecord[]; readonly messages: readonly MessageRecord[] } {
    const read = (sql: string) => this.#try((database) => database.prepare(sql).all()) ?? [];
    return {
      sessions: read("SELECT document FROM sessions").map((row) => JSON.parse(String(row["document"]))),
      messages: read("SELECT document FROM messages ORDER BY sequence").map((row) =>
        JSON.parse(String(row["document"])),
      ),
    };
  }

  saveSession(session: SessionRecord): void {
    this.#run(
      `INSERT INTO sessions (thing_name, client_id, document) VALUES (?, ?, ?)
       ON CONFLICT (thing_name, client_id) DO UPDATE SET document = excluded.document`,
      session.thingName,
      session.clientId,
      JSON.stringify(session),
    );
  }

  removeSession({ thingName, clientId }: Pick<SessionRecord, "thingName" | "clientId">): void {
    this.#run("DELETE FROM sessions WHERE thing_name = ? AND client_id = ?", thingName, clientId);
  }

  addMessage(message: MessageRecord): void {
    this.#run(
      "INSERT INTO messages (sequence, thing_name, client_id, document) VALUES (?, ?, ?, ?)",
      message.sequence,
      message.thingName,
      message.clientId,
      JSON.stringify(message),
    );
  }

  removeMessage(sequence: number): void {
    this.#run("DELETE FROM messages WHERE sequence = ?", sequence);
  }

  close(): void {
    this.#try((database) => database.close());
    this.#database = undefined;
  }

  #run(sql: string, ...values: readonly (string | number)[]): void {
    this.#try((database) => database.prepare(sql).run(...values));
  }

  #try<T>(work: (database: DatabaseSync) => T): T | undefined {
    if (this.#database === undefined) return undefined;
    try {
      return work(this.#database);
    } catch (error) {
      this.#log.warn("sessions of devices are not kept from here on: {error}", { error });
      this.#database = undefined;
      return undefined;
    }
  }
}

function openAnew(path: string, log: Logger): DatabaseSync | undefined {
  try {
    return open(path);
  } catch (error) {
    log.warn("the kept sessions of devices cannot be read, beginning anew: {error}", { error });
  }
  try {
    for (const each of [path, `${path}-wal`, `${path}-shm`]) rmSync(each, { force: true });
    return open(path);
  } catch (error) {
    log.warn("sessions of devices are not kept: {error}", { error });
    return undefined;
  }
}

function open(path: string): DatabaseSync {
  // SQLite would make the file readable by all; its -wal takes the mode of this one.
  closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    // What was delivered must not be readable in the file's free pages.
    database.exec("PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; BEGIN EXCLUSIVE");
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
    if (version > SCHEMA_VERSION) throw new Error("it was written by a newer version of tunnel");
    if (version === 0) database.exec(`${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
