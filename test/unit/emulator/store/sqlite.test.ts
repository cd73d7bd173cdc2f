import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../../../src/base/errors.ts";
import { SqliteStore } from "../../../../src/emulator/store/sqlite.ts";
import type { TunnelRecord } from "../../../../src/emulator/store/store.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";
import { TestProcess } from "../../../helpers/process.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const WRITER = fileURLToPath(import.meta.resolve("./writer.ts"));

function startWriter(path: string): TestProcess {
  return new TestProcess(process.execPath, [WRITER, path], process.env);
}

function record(tunnelId: string): TunnelRecord {
  const side = { isConnected: false, changedAt: 0 };
  return {
    tunnelId,
    tunnelArn: `arn:${tunnelId}`,
    status: "OPEN",
    lifetimeMinutes: 1,
    tags: [],
    createdAt: 0,
    lastUpdatedAt: 0,
    dueAt: 60_000,
    source: side,
    destination: side,
  };
}

describe("the SQLite store", () => {
  test("keeps every acknowledged tunnel and token of a process that was killed", async () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    await using writer = startWriter(path);
    await writer.waitForLine(/./);
    const acknowledgedBefore = writer.lines.stdout.length;
    await writer.kill();
    const acknowledged = writer.lines.stdout
      .filter((line) => line.endsWith("=="))
      .map((line) => line.split(" "));
    expect(acknowledged.length).toBeGreaterThanOrEqual(acknowledgedBefore);
    const store = new SqliteStore(path);
    const { tunnels } = makeTunnels(store);
    for (const [tunnelId = "", accessToken = ""] of acknowledged) {
      expect(tunnels.describe(tunnelId).tags).toEqual([{ key: "a", value: "b" }]);
      expect(tunnels.admit({ accessToken, clientToken: undefined, mode: "source" }).type).toBe("admitted");
    }
    store.close();
  });

  test("is refused to a second process while the first is alive, and free after kill -9", async () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    await using first = startWriter(path);
    await first.waitForLine(/./);
    expect(() => new SqliteStore(path)).toThrow(ConfigError);
    expect(() => new SqliteStore(path)).toThrow("is in use by another serve-local");
    await using second = startWriter(path);
    await second.waitForLine(/is in use by another serve-local/, "stderr");
    await first.kill();
    new SqliteStore(path).close();
  });

  test("is refused to a second user in the same process", () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    const store = new SqliteStore(path);
    expect(() => new SqliteStore(path)).toThrow("is in use by another serve-local");
    store.close();
  });

  test("can be read by its owner only, log included", () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    const store = new SqliteStore(path);
    store.saveTunnel(record("t"));
    for (const file of [path, `${path}-wal`]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    store.close();
  });

  test("never holds a token in readable form", () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    const store = new SqliteStore(path);
    const { tunnels } = makeTunnels(store);
    const { tokens } = tunnels.open({});
    const clientToken = "c0ffee".repeat(6);
    tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" });
    const files = [path, `${path}-wal`].map((file) => readFileSync(file, "latin1")).join("");
    expect(files).toContain("tunnels_by_due");
    for (const secret of [tokens.source.reveal(), tokens.destination.reveal(), clientToken]) {
      expect(files).not.toContain(secret.slice(6, 38));
    }
    store.close();
  });

  test("takes a failed transaction back whole", () => {
    const store = new SqliteStore(":memory:");
    expect(() =>
      store.transaction(() => {
        store.saveTunnel(record("t"));
        throw new Error("changed my mind");
      }),
    ).toThrow("changed my mind");
    expect(store.findTunnel("t")).toBeUndefined();
    store.transaction(() => store.saveTunnel(record("t")));
    expect(store.findTunnel("t")).toEqual(record("t"));
  });

  test("removes the tokens with their tunnel", () => {
    const store = new SqliteStore(":memory:");
    store.saveTunnel(record("t"));
    store.saveToken({
      tokenHash: "h",
      tunnelId: "t",
      mode: "source",
      use: { type: "bound", clientTokenHash: "c" },
    });
    expect(store.tokensOfClient("c")).toHaveLength(1);
    store.removeTunnel("t");
    expect(store.findToken("h")).toBeUndefined();
    expect(store.tokensOfClient("c")).toEqual([]);
  });

  test("refuses a file that is no database, naming it", () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    writeFileSync(
      path,
      "a text file, and long enough that nobody takes it for an empty database\n".repeat(20),
    );
    expect(() => new SqliteStore(path)).toThrow(`cannot open the store "${path}"`);
  });

  test("refuses a database of a later version", () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(() => new SqliteStore(path)).toThrow("was written by a newer version");
  });
});
