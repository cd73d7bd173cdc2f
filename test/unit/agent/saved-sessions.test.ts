import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type SavedSession, SavedSessions } from "../../../src/agent/saved-sessions.ts";
import { sessionIdOf } from "../../../src/agent/session-table.ts";
import { AccessToken, ClientToken } from "../../../src/base/secret.ts";
import { type TempDir, tempDir } from "../../helpers/temp-dir.ts";

const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
let dir: TempDir;
let store: SavedSessions;

beforeEach(() => {
  dir = tempDir();
  store = new SavedSessions(join(dir.path, "state"));
});
afterEach(() => dir[Symbol.dispose]());

function session(token: string, receivedAt = NOW): SavedSession {
  return {
    accessToken: new AccessToken(token),
    clientToken: new ClientToken(`client-of-${token}-`.padEnd(32, "0")),
    dataPlane: "data.example:443",
    region: "eu-west-1",
    services: ["SSH", "WEB"],
    receivedAt,
  };
}

function loaded(now = NOW, max = 20): string[] {
  return store.load(now, max).map(({ accessToken }) => accessToken.reveal());
}

function plain({ accessToken, clientToken, ...rest }: SavedSession) {
  return { ...rest, accessToken: accessToken.reveal(), clientToken: clientToken.reveal() };
}

describe("saved sessions", () => {
  test("come back as they were", () => {
    store.save(session("a"));
    expect(store.load(NOW, 20).map(plain)).toEqual([plain(session("a"))]);
  });

  test("are for their owner alone, and their names give no token away", () => {
    store.save(session("a"));
    const [name = ""] = readdirSync(join(dir.path, "state"));
    expect(name).toBe(`${sessionIdOf(new AccessToken("a"))}.json`);
    expect(statSync(join(dir.path, "state")).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir.path, "state", name)).mode & 0o777).toBe(0o600);
  });

  test("are gone once deleted", () => {
    store.save(session("a"));
    store.delete(sessionIdOf(new AccessToken("a")));
    expect(loaded()).toEqual([]);
  });

  test("last 12 h, and those of a clock that was ahead count as new", () => {
    store.save(session("old", NOW - 12 * HOUR_MS));
    store.save(session("young", NOW - 12 * HOUR_MS + 1));
    store.save(session("ahead", NOW + 100 * HOUR_MS));
    expect(loaded()).toEqual(["young", "ahead"]);
    expect(readdirSync(join(dir.path, "state"))).toHaveLength(2);
  });

  test("beyond the limit are removed, the oldest first", () => {
    for (let index = 0; index < 5; index += 1) store.save(session(`t${index}`, NOW - 5 + index));
    expect(loaded(NOW, 2)).toEqual(["t3", "t4"]);
    expect(readdirSync(join(dir.path, "state"))).toHaveLength(2);
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["null", "null"],
    ["another version", '{"version":2}'],
    ["a member missing", '{"version":1,"accessToken":"x"}'],
    ["too much", `"${"x".repeat(20_000)}"`],
  ])("that hold %s are removed", (_name, text) => {
    const path = join(dir.path, "state", "0123456789abcdef.json");
    writeFileSync(path, text);
    store.save(session("a"));
    expect(loaded()).toEqual(["a"]);
    expect(existsSync(path)).toBe(false);
  });

  test("take the drafts of a killed process with them, once those are a minute old", () => {
    const path = join(dir.path, "state", ".6c0f1d2e-0000-4000-8000-0123456789ab.tmp");
    writeFileSync(path, "half a tok");
    utimesSync(path, NOW / 1_000, NOW / 1_000);
    loaded(NOW + 60_000);
    expect(existsSync(path)).toBe(true);
    loaded(NOW + 60_001);
    expect(existsSync(path)).toBe(false);
  });

  test("leave other files alone", () => {
    const path = join(dir.path, "state", "notes.txt");
    writeFileSync(path, "mine");
    expect(loaded()).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });
});
