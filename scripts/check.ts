// Every check that needs no test run. Prints what the failing ones say; the others stay silent.
import { spawnSync } from "node:child_process";

const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ["lint and format", "biome", "ci", "--error-on-warnings", "--colors=off"],
  ["types", "tsc", "-p", "."],
  ["pure layers name no runtime", "tsc", "-p", "src/engine"],
  ["layers", "bun", "scripts/layers.ts"],
  ["braces", "bun", "scripts/braces.ts"],
  ["names in documents", "bun", "scripts/named-in-docs.ts"],
  ["commands in documents", "bun", "scripts/commands-in-docs.ts"],
  ["options of docs/configuration.md", "bun", "scripts/options-table.ts", "--check"],
  ["rows of docs/conformance.md", "bun", "scripts/conformance.ts", "--check"],
  ["interface and examples of the library", "bun", "scripts/library-docs.ts", "--check"],
  ["reference of commands", "bun", "scripts/man.ts", "--check"],
  ["generated codec", "bun", "scripts/proto.ts", "--check"],
  ["unused code and packages", "knip"],
  ["lock file", "bun", "scripts/lockfile.ts"],
];

/** Runs the checks and returns the names of those that failed. */
export function runChecks(): string[] {
  return CHECKS.filter(([name, command = "", ...args]) => {
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
    const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", env });
    if (status === 0) return false;
    console.error(`check failed: ${name} (${[command, ...args].join(" ")})`);
    console.error(error?.message ?? `${stdout}${stderr}`);
    return true;
  }).map(([name]) => name);
}

if (import.meta.main) {
  const failed = runChecks();
  console.log(failed.length === 0 ? `${CHECKS.length} checks passed` : `failed: ${failed.join(", ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
