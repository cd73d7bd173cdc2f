import { closeSync, openSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Logger } from "../../base/log.ts";

/** A device's session as it is kept. */
export interface SessionRecord {
  readonly thingName: string;
  readonly clientId: string;
  /** SHA-256, in hexadecimal, of the certificate that it was made with. */
  readonly fingerprint: string;
  /** Granted QoS by topic filter. */
  readonly filters: Readonly<Record<string, number>>;
  /** Milliseconds since 1970; absent while its device is connected. */
  readonly expiresAt: number | undefined;
}

/** A message that waits for a session's acknowledgement. Its payload holds an access token. */
export interface MessageRecord {
  /** Counts up over all sessions. */
  readonly sequence: number;
  readonly thingName: string;
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

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
 * Sessions of devices in an SQLite file of their own (0600, since messages hold tokens), or in memory. They live for an
 * hour and are a convenience: a file that cannot be read is begun anew, and one that cannot be written is given up, each
 * with a warning; nothing here ever fails a caller.
 */
export class SessionStore {
  readonly #log: Logger;
  #database: DatabaseSync | undefined;

  /** `path`: of the file; `:memory:` keeps nothing. */
  constructor(path: string, log: Logger) {
    this.#log = log;
    this.#database = path === ":memory:" ? undefined : openAnew(path, log);
  }

  /** Everything that was kept, messages in their order. */
  load(): { readonly sessions: readonly SessionRecord[]; readonly messages: readonly MessageRecord[] } {
    const read = (sql: string) => this.#try((database) => database.prepare(sql).all()) ?? [];
    return {
      sessions: read("SELECT document FROM sessions").map((row) => JSON.parse(String(row["document"]))),
      messages: read("SELECT document FROM messages ORDER BY sequence").map((row) =>
        JSON.parse(String(row["document"])),
      ),
    };
  }

  /** Adds the session, or replaces the one of this thing and client id. */
  saveSession(session: SessionRecord): void {
    this.#run(
      `INSERT INTO sessions (thing_name, client_id, document) VALUES (?, ?, ?)
       ON CONFLICT (thing_name, client_id) DO UPDATE SET document = excluded.document`,
      session.thingName,
      session.clientId,
      JSON.stringify(session),
    );
  }

  /** Removes the session and its messages. */
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
