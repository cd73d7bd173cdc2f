// Writes completions/ and the options table of README.md from the tables of src/cli; with --check, fails when one of
// them differs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { COMMANDS } from "../src/cli/command-table.ts";
import { completionScript } from "../src/cli/completion/script.ts";
import type { Option } from "../src/cli/config/option.ts";
import { GLOBAL_KEYS, OPTIONS } from "../src/cli/config/options.ts";

const README = "README.md";
const MARKS = /(?<=<!-- options -->\n).*?(?=<!-- \/options -->)/s;

const readme = readOr(README, "");
if (!MARKS.test(readme)) throw new Error(`${README} lacks <!-- options --> and <!-- /options -->`);

const generated: Readonly<Record<string, string>> = {
  "completions/tunnel.bash": completionScript("bash", COMMANDS),
  "completions/_tunnel": completionScript("zsh", COMMANDS),
  "completions/tunnel.fish": completionScript("fish", COMMANDS),
  [README]: readme.replace(MARKS, () => optionsTable()),
};

for (const [path, text] of Object.entries(generated)) {
  if (!process.argv.includes("--check")) {
    mkdirSync("completions", { recursive: true });
    writeFileSync(path, text);
  } else if (readOr(path, "") !== text) {
    console.error(`${path} does not match the command table: run bun scripts/completions.ts`);
    process.exitCode = 1;
  }
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

function readOr(path: string, missing: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return missing;
  }
}
