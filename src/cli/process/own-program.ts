import { basename } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The words that start this program again: its own file, or the runtime and the file that it runs. */
export function ownProgram(): readonly [string, ...string[]] {
  const runtime = /^(bun|deno|node)(\.exe)?$/.exec(basename(process.execPath))?.[1];
  if (runtime === undefined) return [process.execPath];
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  return runtime === "deno"
    ? [process.execPath, "run", "--allow-all", "--no-prompt", main]
    : [process.execPath, main];
}
