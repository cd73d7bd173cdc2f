// Writes dist/man/*.1 and docs/reference.md from the tables of commands and options; with --check, fails when
// docs/reference.md differs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { COMMANDS } from "../src/cli/words/command-table.ts";
import { writeManPages } from "./releasing/man-pages.ts";
import { reference } from "./releasing/reference.ts";

const REFERENCE = "docs/reference.md";

const wanted = reference(COMMANDS);
if (!process.argv.includes("--check")) {
  mkdirSync("docs", { recursive: true });
  writeFileSync(REFERENCE, wanted);
  console.log(`${REFERENCE}, ${writeManPages("dist/man").length} pages in dist/man`);
} else if (!existsSync(REFERENCE) || readFileSync(REFERENCE, "utf8") !== wanted) {
  console.error(`${REFERENCE} does not match the tables of commands and options: run bun scripts/man.ts`);
  process.exitCode = 1;
}
