import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/words/command-table.ts";
import { commandPage, overviewPage, pageName } from "./roff.ts";

/** Writes every page into a directory, which has nothing else afterwards; returns their names. */
export function writeManPages(directory: string): readonly string[] {
  const { version } = packageJson;
  const pages = new Map([
    ["tunnel.1", overviewPage(COMMANDS, version)],
    ...COMMANDS.map((command) => [`${pageName(command)}.1`, commandPage(command, version)] as const),
  ]);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of pages) writeFileSync(join(directory, name), text);
  return [...pages.keys()];
}
