import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ConfigError, UnreachableError } from "../../../../src/base/errors.ts";
import { defaultStateDir, localWordsFor, readLocalEndpoint } from "../../../../src/cli/config/local.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const ENDPOINT = {
  version: 1,
  region: "eu-west-1",
  accountId: "111122223333",
  controlPlane: "https://localhost:8443",
  dataPlane: "localhost:8444",
  ca: "/state/ca/ca.pem",
  pid: 7,
};

function makeState(content: unknown = ENDPOINT) {
  const dir = tempDir();
  const stateDir = join(dir.path, "state");
  mkdirSync(stateDir, { mode: 0o700 });
  const file = join(stateDir, "endpoint.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  return { stateDir, file, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

describe("the default state directory", () => {
  test.each([
    [{ XDG_STATE_HOME: "/state", HOME: "/home/me" }, "/state/tunnel/local"],
    [{ XDG_STATE_HOME: "relative", HOME: "/home/me" }, "/home/me/.local/state/tunnel/local"],
    [{ XDG_STATE_HOME: "", HOME: "/home/me" }, "/home/me/.local/state/tunnel/local"],
    [{}, join(homedir(), ".local/state/tunnel/local")],
  ])("%o", (env, path) => {
    expect(defaultStateDir(env)).toBe(path);
  });

  test("is not repeated in the words of the next command", () => {
    expect(localWordsFor("/state/tunnel/local", { XDG_STATE_HOME: "/state" })).toBe("--local");
    expect(localWordsFor("/my state", {})).toBe("--local '/my state'");
  });
});

test("reads what serve-local wrote", () => {
  using state = makeState();
  expect(readLocalEndpoint(state.stateDir, {})).toMatchObject({
    stateDir: state.stateDir,
    region: "eu-west-1",
    dataPlane: { host: "localhost", port: 8444 },
    ca: "/state/ca/ca.pem",
    pid: 7,
  });
});

test("without an endpoint nobody serves, and the hint starts it", () => {
  using dir = tempDir();
  for (const stateDir of [dir.path, join(dir.path, "missing")]) {
    expect(() => readLocalEndpoint(stateDir, {})).toThrow(UnreachableError);
    try {
      readLocalEndpoint(stateDir, {});
    } catch (error) {
      expect((error as UnreachableError).hint).toBe(`tunnel serve-local --state-dir ${stateDir}`);
    }
  }
});

describe("what others could have written is refused", () => {
  test.each([
    ["a file that others can write", "file", 0o602],
    ["a file that the group can write", "file", 0o620],
    ["a directory that others can write", "stateDir", 0o703],
  ] as const)("%s", (_, which, mode) => {
    using state = makeState();
    chmodSync(state[which], mode);
    expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(ConfigError);
    expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(
      `"${state[which]}" can be written by other users`,
    );
  });

  test.each(["ca", "device-ca", "things"])("the directory %s that others can write", (name) => {
    using state = makeState();
    const directory = join(state.stateDir, name);
    mkdirSync(directory);
    chmodSync(directory, 0o700);
    expect(readLocalEndpoint(state.stateDir, {}).pid).toBe(7);
    chmodSync(directory, 0o770);
    expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(ConfigError);
    expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(
      `"${directory}" can be written by other users`,
    );
  });

  test("a directory or file of another user", () => {
    // Only root can give files away.
    if (process.getuid?.() !== 0) return;
    for (const which of ["file", "stateDir"] as const) {
      using state = makeState();
      chownSync(state[which], 65_534, 65_534);
      expect(() => readLocalEndpoint(state.stateDir, {})).toThrow("belongs to another user");
    }
  });
});

test("what cannot be looked at is a matter of configuration", () => {
  using state = makeState();
  rmSync(state.file);
  symlinkSync(state.file, state.file);
  expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(ConfigError);
  expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(`cannot use "${state.file}": too many links`);
});

test.each([
  "",
  "[]",
  { ...ENDPOINT, version: 2 },
  { ...ENDPOINT, ca: undefined },
  { ...ENDPOINT, things: "relative" },
  { ...ENDPOINT, pid: "7" },
  { ...ENDPOINT, accountId: "1" },
  { ...ENDPOINT, controlPlane: "http://localhost:1" },
  { ...ENDPOINT, controlPlane: undefined },
  { ...ENDPOINT, dataPlane: "localhost:x" },
  { ...ENDPOINT, region: "evil.test/" },
])("what does not make sense is refused: %j", (content) => {
  using state = makeState(content);
  expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(ConfigError);
  expect(() => readLocalEndpoint(state.stateDir, {})).toThrow(state.file);
});
