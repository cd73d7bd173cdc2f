import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { renameSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { writeNpmPackages } from "../../scripts/releasing/npm-packages.ts";
import { hostTarget } from "../../scripts/releasing/targets.ts";
import { TestProcess } from "../helpers/process.ts";
import { type TempDir, tempDir } from "../helpers/temp-dir.ts";
import { BINARY } from "../helpers/tunnel.ts";

/** npm installs the one of this platform. */
const PROGRAM_PACKAGE = `tunnel-${hostTarget().name}`;
const SERVE = ["serve-local", "--ephemeral", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"];

let dir: TempDir;
let env: NodeJS.ProcessEnv;
let tunnel: string;

/** Packs what is to be published, and installs it from the files into a prefix of its own, without the registry. */
beforeAll(() => {
  dir = tempDir();
  env = { PATH: process.env["PATH"], HOME: dir.path, npm_config_cache: join(dir.path, "cache") };
  const prefix = join(dir.path, "prefix");
  const packages = writeNpmPackages(join(dir.path, "npm"), [{ target: hostTarget(), program: BINARY }]);
  const words = ["pack", "--silent", "--pack-destination", dir.path];
  const files = npm([...words, ...packages])
    .trim()
    .split("\n");
  npm(["install", "--global", "--offline", "--no-audit", "--no-fund", "--prefix", prefix, ...files]);
  tunnel = join(prefix, "bin/tunnel");
}, 60_000);
afterAll(() => dir[Symbol.dispose]());

function npm(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("npm", words, { cwd: dir.path, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${words.join(" ")}: exit ${status}\n${stderr}`);
  return stdout;
}

function start(...words: readonly string[]): TestProcess {
  return new TestProcess(tunnel, words, { ...env, NO_COLOR: "1" });
}

async function run(...words: readonly string[]) {
  await using child = start(...words);
  child.send();
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

describe("the program that npm installs", () => {
  test("is the compiled one", async () => {
    expect(await run("--version")).toEqual({ code: 0, stdout: packageJson.version, stderr: "" });
  });

  test("hands on words, input, output and exit code", async () => {
    const served = await run(...SERVE, "--", "sh", "-c", "echo it is 'a b'; exit 7");
    expect(served).toMatchObject({ code: 7, stdout: "it is a b" });
    const refused = await run("no-such-command");
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining("no-such-command")]);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("ends in an orderly way on %s", async (signal) => {
    await using child = start(...SERVE);
    await child.waitForLine(/ready/);
    child.signal(signal);
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test("says what is missing without the package of this platform", async () => {
    const installed = join(dir.path, "prefix/lib/node_modules", PROGRAM_PACKAGE);
    renameSync(installed, `${installed}-away`);
    const { code, stderr } = await run("--version");
    renameSync(`${installed}-away`, installed);
    expect(stderr).toContain(`is not installed: ${PROGRAM_PACKAGE}`);
    expect(stderr).toContain("without --omit=optional");
    expect(code).toBe(78);
  });
});
