// Writes the options table of docs/configuration.md from the one of src/cli; with --check, fails when it differs.
import { readFileSync, writeFileSync } from "node:fs";
import type { Option } from "../src/cli/config/option.ts";
import { GLOBAL_KEYS, OPTIONS } from "../src/cli/config/options.ts";

const PAGE = "docs/configuration.md";
const MARKS = /(?<=<!-- options -->\n).*?(?=<!-- \/options -->)/s;

const page = readFileSync(PAGE, "utf8");
if (!MARKS.test(page)) throw new Error(`${PAGE} lacks <!-- options --> and <!-- /options -->`);
const wanted = page.replace(MARKS, () => optionsTable());
if (!process.argv.includes("--check")) {
  writeFileSync(PAGE, wanted);
} else if (page !== wanted) {
  console.error(`${PAGE} does not match the options table: run bun scripts/options-table.ts`);
  process.exitCode = 1;
}

/** Options of every command as a table; below it the further ones that a file may set. */
function optionsTable(): string {
  const globals: readonly Option<unknown>[] = GLOBAL_KEYS.map((key) => OPTIONS[key]);
  const all: readonly Option<unknown>[] = Object.values(OPTIONS);
  const further = all.filter((option) => option.file !== undefined && !globals.includes(option));
  const rows = globals.map((option) => {
    const value = option.placeholder === undefined ? "" : ` ${option.placeholder}`;
    const env = (option.env ?? []).map(code).join(", ");
    const file = { any: "any", own: "own", never: "" }[option.file ?? "never"];
    return `| ${[code(`--${option.flag}${value}`), env, file, cell(option.describe)].join(" | ")} |`;
  });
  return [
    "| flag | environment | file | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
    `Further keys of a file: ${further.map(({ flag }) => code(flag)).join(", ")}.`,
    "",
  ].join("\n");
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
