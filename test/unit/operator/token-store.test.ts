import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../src/base/errors.ts";
import { AccessToken } from "../../../src/base/secret.ts";
import type { Issuer } from "../../../src/operator/saved-token.ts";
import { TokenStore } from "../../../src/operator/token-store.ts";
import type { Side } from "../../../src/proxy/options.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

function makeStore() {
  const dir = tempDir();
  const path = join(dir.path, "tokens");
  const clock = { now: NOW };
  const damaged: string[] = [];
  const store = new TokenStore(path, () => clock.now, {
    hint: "name another",
    onDamaged: ({ message }) => damaged.push(/"(.*)"/.exec(message)?.[1] ?? ""),
  });
  return { store, path, clock, damaged, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

function token(tunnelId: string, mode: Side = "source", hours = 12, issuer: Issuer = { type: "remote" }) {
  const accessToken = new AccessToken(`token-of-${tunnelId}-${mode}`);
  return {
    tunnelId,
    mode,
    accessToken,
    region: "eu-west-1",
    expiresAt: new Date(NOW + hours * HOUR),
    issuer,
  };
}

/** A file as it was written, but for some members. */
function saved(members: Readonly<Record<string, unknown>>): string {
  const token = { tunnelId: "a", mode: "source", region: "eu-west-1", issuer: { type: "remote" } };
  const secrets = { accessToken: "t", clientToken: "c".repeat(36), expiresAt: "2030-01-01T00:00:00Z" };
  return JSON.stringify({ version: 1, ...token, ...secrets, ...members });
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("saving", () => {
  test("a token comes back with all its facts and a client token of its own", () => {
    using it = makeStore();
    it.store.save(token("a", "source", 2, { type: "local", stateDir: "/state" }));
    const [saved, ...others] = it.store.list("source");
    expect(others).toEqual([]);
    expect(saved?.accessToken.reveal()).toBe("token-of-a-source");
    expect(saved?.clientToken.reveal()).toMatch(/^[0-9a-f-]{36}$/);
    expect(saved).toMatchObject({
      tunnelId: "a",
      mode: "source",
      region: "eu-west-1",
      expiresAt: new Date(NOW + 2 * HOUR),
      issuer: { type: "local", stateDir: "/state" },
    });
  });

  test("directory and files are for the owner alone", () => {
    using it = makeStore();
    it.store.save(token("a"));
    expect(modeOf(it.path)).toBe(0o700);
    expect(readdirSync(it.path).map((name) => modeOf(join(it.path, name)))).toEqual([0o600]);
  });

  test("a directory that others can write to gets no token", () => {
    using it = makeStore();
    mkdirSync(it.path);
    chmodSync(it.path, 0o777);
    expect(() => it.store.save(token("a"))).toThrow("can be written by other users");
    expect(readdirSync(it.path)).toEqual([]);
  });

  test("a new token of the same side takes the old one's place, with another client token", () => {
    using it = makeStore();
    it.store.save(token("a"));
    const [first] = it.store.list("source");
    it.store.save(token("a"));
    const [second, ...others] = it.store.list("source");
    expect(others).toEqual([]);
    expect(second?.clientToken.reveal()).not.toBe(first?.clientToken.reveal() ?? "");
  });

  test("ids that are no file names are kept too", () => {
    using it = makeStore();
    it.store.save(token("a:b+c=d"));
    expect(it.store.list("source").map(({ tunnelId }) => tunnelId)).toEqual(["a:b+c=d"]);
    it.store.delete("a:b+c=d");
    expect(readdirSync(it.path)).toEqual([]);
  });
});

describe("listing", () => {
  test("a store that was never written to is empty", () => {
    using it = makeStore();
    expect(it.store.list("source")).toEqual([]);
  });

  test("sides are apart and the newest comes first", () => {
    using it = makeStore();
    for (const [index, id] of ["old", "new"].entries()) {
      it.store.save(token(id));
      it.store.save(token(id, "destination"));
      utimesSync(join(it.path, `${id}.source.json`), NOW / 1_000 + index, NOW / 1_000 + index);
    }
    expect(it.store.list("source").map(({ tunnelId }) => tunnelId)).toEqual(["new", "old"]);
    expect(it.store.list("destination").every(({ mode }) => mode === "destination")).toBe(true);
  });

  test("what has expired is not listed, and is gone after the next save", () => {
    using it = makeStore();
    it.store.save(token("short", "source", 1));
    it.store.save(token("long", "source", 2));
    it.clock.now = NOW + HOUR;
    expect(it.store.list("source").map(({ tunnelId }) => tunnelId)).toEqual(["long"]);
    expect(["short", "long"].map((id) => it.store.find(id, "source")?.tunnelId)).toEqual([undefined, "long"]);
    it.store.save(token("next"));
    expect(readdirSync(it.path).sort()).toEqual(["long.source.json", "next.source.json"]);
  });

  test("drafts of a killed process are gone after the next save, once they are a minute old", () => {
    using it = makeStore();
    it.store.prepare();
    const draft = ".6c0f1d2e-0000-4000-8000-0123456789ab.tmp";
    writeFileSync(join(it.path, draft), "half a tok");
    utimesSync(join(it.path, draft), NOW / 1_000, NOW / 1_000);
    it.clock.now = NOW + 60_000;
    it.store.prepare();
    expect(readdirSync(it.path)).toEqual([draft]);
    it.clock.now = NOW + 60_001;
    it.store.prepare();
    expect(readdirSync(it.path)).toEqual([]);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "7"],
    ["another version", '{"version":2}'],
    ["no token", '{"version":1,"mode":"source","tunnelId":"a"}'],
    [
      "no date",
      '{"version":1,"mode":"source","tunnelId":"a","accessToken":"t","clientToken":"c","region":"r","expiresAt":"soon","issuer":{"type":"remote"}}',
    ],
    ["far too large", " ".repeat(20_000)],
    ["line ends in its access token", saved({ accessToken: "abc\r\n" })],
    ["line ends in its client token", saved({ clientToken: `${"c".repeat(36)}\r` })],
    ["another host for a region", saved({ region: "evil.example.com/" })],
  ])("a damaged file is told and stands in nobody's way: %s", (_, content) => {
    using it = makeStore();
    it.store.save(token("good"));
    const path = join(it.path, "a.source.json");
    writeFileSync(path, content);
    utimesSync(path, NOW / 1_000, NOW / 1_000);
    expect(it.store.list("source").map(({ tunnelId }) => tunnelId)).toEqual(["good"]);
    it.store.save(token("next"));
    expect(new Set(it.damaged)).toEqual(new Set([path]));
    expect(existsSync(path)).toBe(true);
    it.clock.now += 12 * HOUR;
    it.store.prepare();
    expect(existsSync(path)).toBe(false);
  });

  test("nor does a directory, a link to nowhere or a pipe in the place of a file", () => {
    using it = makeStore();
    it.store.save(token("good"));
    mkdirSync(join(it.path, "a.source.json"));
    symlinkSync("/nowhere/at/all", join(it.path, "b.source.json"));
    spawnSync("mkfifo", [join(it.path, "c.source.json")]);
    expect(it.store.list("source").map(({ tunnelId }) => tunnelId)).toEqual(["good"]);
    it.store.save(token("next"));
    expect(it.damaged).toContain(join(it.path, "c.source.json"));
  });

  test("at most a thousand files are kept", () => {
    using it = makeStore();
    it.store.save(token("template"));
    const text = readFileSync(join(it.path, "template.source.json"), "utf8");
    for (let index = 0; index < 1_005; index += 1) {
      const path = join(it.path, `t${index}.source.json`);
      writeFileSync(path, text);
      utimesSync(path, index, index);
    }
    it.store.save(token("newest"));
    expect(readdirSync(it.path)).toHaveLength(1_000);
    expect(existsSync(join(it.path, "t0.source.json"))).toBe(false);
    expect(existsSync(join(it.path, "newest.source.json"))).toBe(true);
  });
});

describe("deleting", () => {
  test("takes one side or both, and nothing else", () => {
    using it = makeStore();
    for (const id of ["a", "b"]) {
      it.store.save(token(id));
      it.store.save(token(id, "destination"));
    }
    it.store.delete("a", "source");
    it.store.delete("b");
    expect(readdirSync(it.path)).toEqual(["a.destination.json"]);
  });

  test("takes all that one serve-local issued", () => {
    using it = makeStore();
    it.store.save(token("aws"));
    it.store.save(token("here", "source", 1, { type: "local", stateDir: "/here" }));
    it.store.save(token("there", "destination", 1, { type: "local", stateDir: "/there" }));
    it.store.deleteLocal("/here");
    expect(readdirSync(it.path).sort()).toEqual(["aws.source.json", "there.destination.json"]);
  });
});

describe("client tokens of access tokens that are not saved", () => {
  const given = new AccessToken("given-by-hand");

  test("stay the same until they are forgotten, and never hold the access token", () => {
    using it = makeStore();
    const expiresAt = new Date(NOW + HOUR);
    const first = it.store.clientTokenFor(given, expiresAt);
    expect(it.store.clientTokenFor(given, expiresAt).reveal()).toBe(first.reveal());
    expect(it.store.clientTokenFor(new AccessToken("other"), expiresAt).reveal()).not.toBe(first.reveal());
    for (const name of readdirSync(it.path)) {
      expect(name + readFileSync(join(it.path, name), "utf8")).not.toContain("given-by-hand");
    }
    it.store.forgetClientToken(given);
    expect(it.store.clientTokenFor(given, expiresAt).reveal()).not.toBe(first.reveal());
  });

  test("are made anew when the file is damaged", () => {
    using it = makeStore();
    const expiresAt = new Date(NOW + HOUR);
    const first = it.store.clientTokenFor(given, expiresAt);
    writeFileSync(join(it.path, readdirSync(it.path)[0] ?? ""), "\r\n");
    const second = it.store.clientTokenFor(given, expiresAt);
    expect(second.reveal()).not.toBe(first.reveal());
    expect(it.store.clientTokenFor(given, expiresAt).reveal()).toBe(second.reveal());
  });

  test("go when they have expired", () => {
    using it = makeStore();
    const first = it.store.clientTokenFor(given, new Date(NOW + HOUR));
    it.clock.now = NOW + HOUR;
    expect(it.store.clientTokenFor(given, new Date(NOW + 2 * HOUR)).reveal()).not.toBe(first.reveal());
  });
});

test("a directory that cannot be made is named", () => {
  using dir = tempDir();
  const file = join(dir.path, "file");
  writeFileSync(file, "");
  const store = new TokenStore(join(file, "tokens"), () => NOW, { hint: "name another" });
  expect(() => store.prepare()).toThrow(ConfigError);
  expect(() => store.prepare()).toThrow(file);
  expect(store.list("source")).toEqual([]);
});

test("a directory whose path cannot be walked is a fault of the configuration, whatever is asked", () => {
  using dir = tempDir();
  const loop = join(dir.path, "loop");
  symlinkSync(loop, loop);
  const store = new TokenStore(join(loop, "tokens"), () => NOW);
  expect(() => store.clientTokenFor(new AccessToken("given"), new Date(NOW + HOUR))).toThrow(ConfigError);
  expect(() => store.list("source")).toThrow(ConfigError);
  expect(() => store.prepare()).toThrow(ConfigError);
});
