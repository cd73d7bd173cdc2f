import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WINDOWS } from "../../../src/base/platform.ts";
import { claimSocketDirectory, placesOf, socketDirectories } from "../../../src/operator/socket-directory.ts";
import { strangersDirectory } from "../../helpers/strangers.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** A user with a runtime directory and a home of their own. */
function user() {
  const dir = tempDir();
  const [runtime, home] = [join(dir.path, "runtime"), join(dir.path, "home")];
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(home, { mode: 0o755 });
  return {
    path: dir.path,
    runtime,
    home,
    fallback: join(home, ".local/state/tunnel/run"),
    env: { XDG_RUNTIME_DIR: runtime, HOME: home },
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

describe("the directory for sockets", () => {
  test("is in the session's runtime directory, for its owner alone", () => {
    using it = user();
    const path = claimSocketDirectory(it.env, "connect");
    expect(path).toBe(join(it.runtime, "tunnel/connect"));
    expect([modeOf(join(it.runtime, "tunnel")), modeOf(path ?? "")]).toEqual([0o700, 0o700]);
    expect(existsSync(it.fallback)).toBe(false);
  });

  test.each<[string, (it: ReturnType<typeof user>) => string]>([
    ["of another user", ({ path }) => strangersDirectory(path)],
    ["gone", ({ path }) => join(path, "gone")],
    ["not absolute", () => "runtime"],
    ["empty", () => ""],
    [
      "no directory",
      ({ path }) => {
        writeFileSync(join(path, "file"), "");
        return join(path, "file");
      },
    ],
    [
      "open to others without the sticky bit",
      ({ runtime }) => {
        chmodSync(runtime, 0o777);
        return runtime;
      },
    ],
    ["too long for sockets", ({ path }) => join(path, "a".repeat(60))],
  ])("is the fallback, and nothing is made elsewhere, where the runtime directory is %s", (_, place) => {
    using it = user();
    const runtime = place(it);
    const before = existsSync(join(runtime, "tunnel"));
    expect(claimSocketDirectory({ ...it.env, XDG_RUNTIME_DIR: runtime })).toBe(it.fallback);
    expect(modeOf(it.fallback)).toBe(0o700);
    expect(existsSync(join(runtime, "tunnel"))).toBe(before);
  });

  test("is never one behind a link, whose target keeps its mode", () => {
    using it = user();
    const target = join(it.path, "target");
    mkdirSync(target);
    chmodSync(target, 0o755);
    symlinkSync(target, join(it.runtime, "tunnel"));
    expect(claimSocketDirectory(it.env)).toBe(it.fallback);
    expect(modeOf(target)).toBe(0o755);
    expect(readdirSync(target)).toEqual([]);
  });

  test("with a link in the place of the inner one is another", () => {
    using it = user();
    const target = join(it.path, "target");
    mkdirSync(target, { mode: 0o700 });
    mkdirSync(join(it.runtime, "tunnel"), { mode: 0o700 });
    symlinkSync(target, join(it.runtime, "tunnel/connect"));
    expect(claimSocketDirectory(it.env, "connect")).toBe(join(it.fallback, "connect"));
  });

  test("that others can enter is left as it is, and not used", () => {
    using it = user();
    const open = join(it.runtime, "tunnel");
    mkdirSync(open);
    chmodSync(open, 0o755);
    expect(claimSocketDirectory(it.env)).toBe(it.fallback);
    expect(modeOf(open)).toBe(0o755);
  });

  test("does without a home", () => {
    using it = user();
    const home = strangersDirectory(it.path);
    const path = claimSocketDirectory({ HOME: join(home, "none") });
    expect(path).toMatch(/^(\/run\/user\/\d+\/tunnel|\/tmp\/tunnel-\d+(\.\d)?)$/);
    expect(readdirSync(it.path).sort()).not.toContain(".local");
  });
});

test("whoever looks for processes looks in every directory that is there, makes none and heeds no stranger's", () => {
  using it = user();
  const env = { ...it.env, XDG_STATE_HOME: "" };
  expect(socketDirectories(env).filter((path) => path.startsWith(it.path))).toEqual([]);
  expect(readdirSync(it.runtime)).toEqual([]);
  const first = claimSocketDirectory(env) ?? "";
  const second = claimSocketDirectory({ HOME: it.home, XDG_RUNTIME_DIR: "" }) ?? "";
  expect(socketDirectories(env)).toEqual(expect.arrayContaining([first, second]));
  chmodSync(first, 0o777);
  expect(socketDirectories(env)).not.toContain(first);
});

test("on Windows it is in the user's profile, and nowhere else, however long its path", () => {
  const base = `C:\\Users\\${"j".repeat(200)}`;
  const env = { LOCALAPPDATA: base, XDG_RUNTIME_DIR: "/run/user/1000" };
  expect(placesOf(env, WINDOWS).map(({ path }) => path)).toEqual([`${base}\\tunnel\\run`]);
});
