// The library as a stranger has it: packed by npm, unpacked in a project that has no other dependency.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { buildLibrary } from "../../scripts/build-lib.ts";
import { type TempDir, tempDir } from "./temp-dir.ts";

/** Runs programs under one runtime each: its name, and the words before the program's file. */
export const RUNTIMES = [
  ["Node.js", "node"],
  ["Bun", "bun"],
  ["Deno", "deno", "run", "--allow-all", "--node-modules-dir=manual", "--no-lock"],
] as const;

/** A directory with the library and the examples; going out of scope removes it. */
export interface LibraryProject extends Disposable {
  readonly path: string;
  /** Names of the files in the package. */
  readonly files: readonly string[];
}

/**
 * Packs and unpacks the library. Of other packages only those are there that it says it needs, linked, since a test has no
 * registry.
 */
export function makeLibraryProject(): LibraryProject {
  const dir = tempDir();
  const build = join(dir.path, "build");
  buildLibrary(build);
  const [packed] = JSON.parse(run(dir, "npm", ["pack", build, "--json", "--offline"])) as [Packed];
  const modules = join(dir.path, "node_modules");
  mkdirSync(join(modules, "tunnel"), { recursive: true });
  run(dir, "tar", ["-xzf", packed.filename, "-C", join(modules, "tunnel"), "--strip-components=1"]);
  const { dependencies } = JSON.parse(readFileSync(join(modules, "tunnel", "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(resolve("node_modules", name), join(modules, name));
  }
  cpSync("docs/examples", dir.path, { recursive: true });
  writeFileSync(join(dir.path, "package.json"), '{ "type": "module", "dependencies": { "tunnel": "*" } }\n');
  return { ...dir, files: packed.files.map(({ path }) => path) };
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function run({ path: cwd }: TempDir, command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
  return stdout;
}
