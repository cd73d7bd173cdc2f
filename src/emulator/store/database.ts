// The SQLite file of the store: made whole or not at all, locked, and looked over before anybody believes it.
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../../base/errors.ts";
import { damagedStore, failureToOpen } from "./database-failure.ts";

/** Raised when the tables change; a file of a newer program is refused. */
const SCHEMA_VERSION = 1;

// A tunnel is kept as one JSON document; the columns beside it are what is searched for.
const SCHEMA = `
  CREATE TABLE tunnels (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    tunnel_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    thing_name TEXT,
    is_connected INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX tunnels_by_due ON tunnels (due_at);
  CREATE INDEX tunnels_by_status ON tunnels (status, due_at);
  CREATE INDEX tunnels_by_thing ON tunnels (thing_name, sequence);
  CREATE TABLE access_tokens (
    token_hash TEXT PRIMARY KEY,
    tunnel_id TEXT NOT NULL REFERENCES tunnels (tunnel_id) ON DELETE CASCADE,
    mode TEXT NOT NULL,
    is_used INTEGER NOT NULL,
    client_token_hash TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX access_tokens_by_tunnel ON access_tokens (tunnel_id, mode);
  CREATE INDEX access_tokens_by_client_token ON access_tokens (client_token_hash);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

// In exclusive mode the first write takes a lock that lasts until close; it also spares the -shm file. A commit is
// written to the log, which is synced, and then moved into the database itself before it is acknowledged: a log that is
// lost or cut after a crash, which SQLite takes for a shorter one without a word, holds nothing that anybody relies on.
const SETTINGS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 1;
  PRAGMA foreign_keys = ON;
`;

/** Opens the file, making it if there is none, or a database in memory for `:memory:`. Throws ConfigError. */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path === ":memory:") {
      database = new DatabaseSync(path);
      database.exec(`PRAGMA foreign_keys = ON; ${SCHEMA}`);
      return database;
    }
    if (!existsSync(path)) createDatabase(path);
    if (statSync(path).size === 0) throw damagedStore(path, "it is empty, and was not when it was made");
    database = new DatabaseSync(path);
    database.exec(`${SETTINGS} BEGIN EXCLUSIVE; COMMIT`);
    checkVersion(database, path);
    checkContent(database, path);
    return database;
  } catch (error) {
    closeQuietly(database);
    throw failureToOpen(error, path);
  }
}

/** Under another name until it is whole: so a file that is empty or without tables was damaged, never just begun. */
function createDatabase(path: string): void {
  if (existsSync(`${path}-wal`)) throw damagedStore(path, `it is gone, though "${path}-wal" is there`);
  const draft = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    // SQLite would make the file readable by all; its -wal takes the mode of this one.
    closeSync(openSync(draft, "wx", 0o600));
    const database = new DatabaseSync(draft);
    try {
      database.exec(`BEGIN; ${SCHEMA} COMMIT`);
    } finally {
      closeQuietly(database);
    }
    linkAnew(draft, path);
  } finally {
    rmSync(draft, { force: true });
    rmSync(`${draft}-journal`, { force: true });
  }
}

/** Not by renaming where links are known: that would take away the file that another process has made meanwhile. */
function linkAnew(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch {
    if (!existsSync(path)) renameSync(draft, path);
  }
}

function checkVersion(database: DatabaseSync, path: string): void {
  const version = firstValue(database, "PRAGMA user_version");
  if (version === 0) throw damagedStore(path, "it was not written by serve-local");
  if (Number(version) > SCHEMA_VERSION) {
    throw new ConfigError(`"${path}" was written by a newer version of tunnel`, {
      hint: "use that version, or another --state-dir",
    });
  }
}

/** All pages are there, they fit together, and what they hold can be read: about 10 ms for 1,000 tunnels. */
function checkContent(database: DatabaseSync, path: string): void {
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const pages = Number(firstValue(database, "PRAGMA page_count"));
  const bytes = pages * Number(firstValue(database, "PRAGMA page_size"));
  const isWhole =
    statSync(path).size === bytes &&
    firstValue(database, "PRAGMA integrity_check(1)") === "ok" &&
    firstValue(database, "SELECT count(*) FROM tunnels WHERE NOT json_valid(document)") === 0;
  if (!isWhole) throw damagedStore(path, "it is damaged: cut short or overwritten");
}

function firstValue(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}

/** The error that counts is on its way. */
function closeQuietly(database: DatabaseSync | undefined): void {
  try {
    database?.close();
  } catch {
    // Its last writes may fail as the others did.
  }
}
