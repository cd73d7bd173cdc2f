import { describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../../../src/base/errors.ts";
import { SqliteStore } from "../../../../src/emulator/store/sqlite.ts";
import type { TunnelRecord } from "../../../../src/emulator/store/store.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";
import { TestProcess } from "../../../helpers/process.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";
import { waitFor } from "../../../helpers/wait.ts";

const WRITER = fileURLToPath(import.meta.resolve("./writer.ts"));

function startWriter(path: string, ...count: string[]): TestProcess {
  return new TestProcess(process.execPath, [WRITER, path, ...count], process.env);
}

/**
 * Opens tunnels in a process that is then killed, in the middle of a write or in peace; returns id and source token of
 * each that was acknowledged.
 */
async function fill(path: string, isBusy = false): Promise<string[][]> {
  const count = 30;
  await using writer = startWriter(path, ...(isBusy ? [] : [String(count)]));
  await waitFor("some tunnels", () => writer.lines.stdout.length >= count);
  const before = writer.lines.stdout.length;
  await writer.kill();
  const acknowledged = writer.lines.stdout
    .filter((line) => line.endsWith("=="))
    .map((line) => line.split(" "));
  expect(acknowledged.length).toBeGreaterThanOrEqual(before);
  return acknowledged;
}

function expectAll(acknowledged: readonly string[][], store: SqliteStore): void {
  const { tunnels } = makeTunnels(store);
  for (const [tunnelId = "", accessToken = ""] of acknowledged) {
    expect(tunnels.describe(tunnelId).tags).toEqual([{ key: "a", value: "b" }]);
    expect(tunnels.admit({ accessToken, clientToken: undefined, mode: "source" }).type).toBe("admitted");
  }
  store.close();
}

function overwrite(path: string, at: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(3_000, "Z"), 0, 3_000, Math.floor(at));
  closeSync(file);
}

function makeForeign(path: string): void {
  rmSync(path);
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE recipes (name TEXT)");
  database.close();
}

function failureOf(action: () => unknown): ConfigError {
  try {
    action();
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error("it did not fail");
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
    const acknowledged = await fill(path, true);
    expectAll(acknowledged, new SqliteStore(path));
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
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
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

  test.each([
    ["empty", "stop", (path: string) => truncateSync(path, 0)],
    ["a hundred bytes", "stop", (path: string) => truncateSync(path, 100)],
    ["its first page", "stop", (path: string) => truncateSync(path, 4_096)],
    ["its first half", "stop", (path: string) => truncateSync(path, statSync(path).size / 2)],
    ["all but its last bytes", "stop", (path: string) => truncateSync(path, statSync(path).size - 10)],
    ["overwritten in the middle", "stop", (path: string) => overwrite(path, statSync(path).size / 2)],
    ["overwritten at its begin", "stop", (path: string) => overwrite(path, 0)],
    ["a text", "stop", (path: string) => writeFileSync(path, "too long for an empty database\n".repeat(50))],
    ["a database of somebody else", "stop", (path: string) => makeForeign(path)],
    ["gone, but for its log", "kill -9", (path: string) => rmSync(path)],
    ["its first half", "kill -9", (path: string) => truncateSync(path, statSync(path).size / 2)],
  ] as const)("refuses a file that is %s after %s, naming it, each time", async (_how, end, damage) => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    await fill(path);
    if (end === "stop") new SqliteStore(path).close();
    damage(path);
    for (let start = 0; start < 2; start += 1) {
      const failure = failureOf(() => new SqliteStore(path));
      expect(failure).toBeInstanceOf(ConfigError);
      expect(failure.message).toStartWith(`cannot open the store "${path}": it `);
      expect(failure.message).not.toMatch(/malformed|not a database|SQL/i);
      expect(failure.hint).toBe(`put back a copy of it, or start without its tunnels: rm '${path}'*`);
    }
    for (const name of readdirSync(directory.path)) rmSync(join(directory.path, name));
    new SqliteStore(path).close();
  });

  describe.each([
    ["gone", (path: string) => rmSync(path)],
    ["empty", (path: string) => truncateSync(path, 0)],
    ["cut", (path: string) => truncateSync(path, statSync(path).size / 2)],
    ["overwritten", (path: string) => overwrite(path, 0)],
    ["overwritten in the middle", (path: string) => overwrite(path, statSync(path).size / 2)],
  ] as const)("whose log is %s after kill -9", (_how, damage) => {
    test("keeps all that it acknowledged", async () => {
      using directory = tempDir();
      const path = join(directory.path, "tunnels.db");
      const acknowledged = await fill(path);
      damage(`${path}-wal`);
      expectAll(acknowledged, new SqliteStore(path));
    });

    test("does so, or says that it is damaged, when it was killed in the middle of a write", async () => {
      using directory = tempDir();
      const path = join(directory.path, "tunnels.db");
      const acknowledged = await fill(path, true);
      damage(`${path}-wal`);
      let store: SqliteStore;
      try {
        store = new SqliteStore(path);
      } catch (error) {
        expect(error).toMatchObject({ message: expect.stringContaining("it is damaged") });
        return;
      }
      expectAll(acknowledged, store);
    });
  });

  test("leaves nothing behind where it cannot be made, and is made once it can", () => {
    using directory = tempDir();
    const path = join(directory.path, "tunnels.db");
    mkdirSync(`${path}-wal`); // SQLite cannot have its log
    expect(() => new SqliteStore(path)).toThrow(ConfigError);
    expect(readdirSync(directory.path)).toEqual(["tunnels.db-wal"]);
    rmdirSync(`${path}-wal`);
    new SqliteStore(path).close();
    expect(readdirSync(directory.path)).toEqual(["tunnels.db"]);
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
