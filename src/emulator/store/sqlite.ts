import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { TunnelStatus } from "../../aws/shapes.ts";
import type { Side } from "../relay/relay.ts";
import { openDatabase } from "./database.ts";
import { failureInUse } from "./database-failure.ts";
import type { DueFilter, ListedTunnel, ListFilter, Store, TokenRecord, TunnelRecord } from "./store.ts";

const TIMES = ["createdAt", "lastUpdatedAt", "dueAt", "source.changedAt", "destination.changedAt"];
const SHIFT_TIMES = `
  UPDATE tunnels SET due_at = due_at + ?1,
    document = json_set(document, ${TIMES.map((time) => `'$.${time}', document ->> '$.${time}' + ?1`).join(", ")})`;

/**
 * Store in an SQLite file (WAL, synced at every commit), or in memory for `:memory:`. The file stays locked while it
 * is open: a second process gets a ConfigError. The lock is the operating system's, so none is left after a kill. A file
 * that is damaged is refused with a ConfigError; a disk that fails later, or is full, is one as well.
 */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#path = path;
    this.#database = openDatabase(path);
  }

  transaction<T>(change: () => T): T {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      const result = change();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw failureInUse(error, this.#path);
    }
  }

  saveTunnel(tunnel: TunnelRecord): void {
    this.#prepare(
      `INSERT INTO tunnels (tunnel_id, status, thing_name, is_connected, due_at, document) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (tunnel_id) DO UPDATE SET status = excluded.status, thing_name = excluded.thing_name,
         is_connected = excluded.is_connected, due_at = excluded.due_at, document = excluded.document`,
    ).run(
      tunnel.tunnelId,
      tunnel.status,
      tunnel.thingName ?? null,
      tunnel.source.isConnected || tunnel.destination.isConnected ? 1 : 0,
      tunnel.dueAt,
      JSON.stringify(tunnel),
    );
  }

  removeTunnel(tunnelId: string): void {
    this.#prepare("DELETE FROM tunnels WHERE tunnel_id = ?").run(tunnelId);
  }

  findTunnel(tunnelId: string): TunnelRecord | undefined {
    return this.#tunnels("SELECT document FROM tunnels WHERE tunnel_id = ?", tunnelId)[0];
  }

  listTunnels(filter: ListFilter): ListedTunnel[] {
    const before = filter.before ?? Number.MAX_SAFE_INTEGER;
    const rows =
      filter.thingName === undefined
        ? this.#prepare(
            "SELECT sequence, document FROM tunnels WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
          ).all(before, filter.limit)
        : this.#prepare(
            `SELECT sequence, document FROM tunnels WHERE thing_name = ? AND sequence < ?
             ORDER BY sequence DESC LIMIT ?`,
          ).all(filter.thingName, before, filter.limit);
    return rows.map((row) => ({ sequence: Number(row["sequence"]), tunnel: toTunnel(row) }));
  }

  countTunnels(status: TunnelStatus): number {
    const row = this.#prepare("SELECT count(*) AS total FROM tunnels WHERE status = ?").get(status);
    return Number(row?.["total"] ?? 0);
  }

  tunnelsByDue(filter: DueFilter): TunnelRecord[] {
    const { status, until, limit } = filter;
    return status === undefined
      ? this.#tunnels("SELECT document FROM tunnels WHERE due_at <= ? ORDER BY due_at LIMIT ?", until, limit)
      : this.#tunnels(
          "SELECT document FROM tunnels WHERE status = ? AND due_at <= ? ORDER BY due_at LIMIT ?",
          status,
          until,
          limit,
        );
  }

  nextDueAt(): number | undefined {
    const due = this.#prepare("SELECT min(due_at) AS due FROM tunnels").get()?.["due"];
    return typeof due === "number" ? due : undefined;
  }

  connectedTunnels(): TunnelRecord[] {
    return this.#tunnels("SELECT document FROM tunnels WHERE is_connected = 1");
  }

  saveToken(token: TokenRecord): void {
    this.#prepare(
      `INSERT INTO access_tokens (token_hash, tunnel_id, mode, is_used, client_token_hash) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (token_hash) DO UPDATE SET is_used = excluded.is_used, client_token_hash = excluded.client_token_hash`,
    ).run(
      token.tokenHash,
      token.tunnelId,
      token.mode,
      token.use.type === "unused" ? 0 : 1,
      token.use.type === "bound" ? token.use.clientTokenHash : null,
    );
  }

  findToken(tokenHash: string): TokenRecord | undefined {
    const row = this.#prepare("SELECT * FROM access_tokens WHERE token_hash = ?").get(tokenHash);
    return row === undefined ? undefined : toToken(row);
  }

  tokensOfClient(clientTokenHash: string): TokenRecord[] {
    return this.#prepare("SELECT * FROM access_tokens WHERE client_token_hash = ?")
      .all(clientTokenHash)
      .map(toToken);
  }

  removeTokens(tunnelId: string, mode: Side): void {
    this.#prepare("DELETE FROM access_tokens WHERE tunnel_id = ? AND mode = ?").run(tunnelId, mode);
  }

  shiftTimes(ms: number): void {
    this.#prepare(SHIFT_TIMES).run(ms);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite ends a transaction by itself on errors such as a full disk; the error that counts is on its way.
    }
  }

  #tunnels(sql: string, ...values: readonly (string | number)[]): TunnelRecord[] {
    return this.#prepare(sql)
      .all(...values)
      .map(toTunnel);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

type Row = Record<string, unknown>;

function toTunnel(row: Row): TunnelRecord {
  return JSON.parse(String(row["document"])) as TunnelRecord;
}

function toToken(row: Row): TokenRecord {
  const clientTokenHash = row["client_token_hash"];
  return {
    tokenHash: String(row["token_hash"]),
    tunnelId: String(row["tunnel_id"]),
    mode: row["mode"] === "source" ? "source" : "destination",
    use: toUse(
      Number(row["is_used"]) === 1,
      typeof clientTokenHash === "string" ? clientTokenHash : undefined,
    ),
  };
}

function toUse(isUsed: boolean, clientTokenHash: string | undefined): TokenRecord["use"] {
  if (clientTokenHash !== undefined) return { type: "bound", clientTokenHash };
  return { type: isUsed ? "spent" : "unused" };
}
