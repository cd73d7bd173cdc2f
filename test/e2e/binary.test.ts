// What is true of dist/tunnel as a file, whatever command it runs.

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY } from "../helpers/tunnel.ts";

/** Runs the program in `cwd`, which is also its home directory, with nothing else in its environment but `env`. */
function run(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(BINARY, args, { cwd, env: { HOME: cwd, ...env }, encoding: "utf8" });
}

test("prints the version of package.json, whatever package.json lies in the working directory", () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "package.json"), '{ "name": "other", "version": "9.9.9" }');
  const { status, stdout } = run(dir.path, ["--version"]);
  expect(stdout.trim().split(/\s+/)).toContain(packageJson.version);
  expect(status).toBe(0);
});

test("runs no code that the working directory names in bunfig.toml", () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(dir.path, "preload.ts"), 'console.log("preloaded");\n');
  const { status, stdout, stderr } = run(dir.path, ["--help"]);
  expect(stdout + stderr).not.toContain("preloaded");
  expect(status).toBe(0);
});

test("takes no environment from .env in the working directory", () => {
  using dir = tempDir();
  const elsewhere = join(dir.path, "elsewhere");
  writeFileSync(join(dir.path, ".env"), `XDG_STATE_HOME=${elsewhere}\n`);
  expect(run(dir.path, ["list", "--local"], { XDG_STATE_HOME: elsewhere }).stderr).toContain(elsewhere);
  const { stderr } = run(dir.path, ["list", "--local"]);
  expect(stderr).toContain(dir.path);
  expect(stderr).not.toContain(elsewhere);
});

test("names no directory of the machine that built it", () => {
  expect(readFileSync(BINARY).includes(join(import.meta.dirname, "../.."))).toBe(false);
});
