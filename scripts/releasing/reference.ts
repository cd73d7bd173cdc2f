// The reference in Markdown, made of the tables of commands and options.
import type { Option } from "../../src/cli/config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../../src/cli/config/options.ts";
import { type Command, GROUPS } from "../../src/cli/words/command.ts";
import { usageOf } from "../../src/cli/words/help.ts";
import { EXIT_STATUS } from "./roff.ts";

/** The whole document. */
export function reference(commands: readonly Command[]): string {
  const parts = GROUPS.flatMap((group) => [
    `## ${group}`,
    ...commands.filter((command) => command.group === group).flatMap(commandPart),
  ]);
  return `${[
    "# Reference",
    "Every command with its options, as `tunnel COMMAND --help` and the man pages have them: made by `bun scripts/man.ts`.",
    ...parts,
    "## Options of every command",
    optionTable(GLOBAL_KEYS),
    "## Exit codes",
    ["| code | meaning |", "|---|---|", ...EXIT_STATUS.map((cells) => `| ${cells.join(" | ")} |`)].join("\n"),
    "`connect -- CMD`, `ssh`, `cp` and `serve-local -- CMD` end with the code of what they run.",
  ].join("\n\n")}\n`;
}

function commandPart(command: Command): string[] {
  const { name, summary, operands = [], options, notes = [], examples } = command;
  const words = operands.map((word) => `- ${code(word.name)}: ${text(word.describe)}`);
  return [
    `### tunnel ${name}`,
    `${summary.charAt(0).toUpperCase()}${text(summary.slice(1))}.`,
    fenced([usageOf(command)]),
    ...(words.length === 0 ? [] : [words.join("\n")]),
    ...(options.length === 0 ? [] : [optionTable(options)]),
    ...notes.map(text),
    fenced(examples),
  ];
}

function optionTable(keys: readonly OptionKey[]): string {
  const rows = keys.map((key) => {
    const { short, flag, placeholder, describe, env = [] }: Option<unknown> = OPTIONS[key];
    const names = `${short === undefined ? "" : `-${short}, `}--${flag}`;
    const value = placeholder === undefined ? "" : ` ${placeholder}`;
    return `| ${code(`${names}${value}`)} | ${text(describe)} | ${env.map(code).join(", ")} |`;
  });
  return ["| option | meaning | environment |", "|---|---|---|", ...rows].join("\n");
}

function fenced(lines: readonly string[]): string {
  return ["```text", ...lines, "```"].join("\n");
}

function code(words: string): string {
  return `\`${words.replaceAll("|", "\\|")}\``;
}

/** Prose in which a placeholder is no tag, and a bar no cell. */
function text(words: string): string {
  return words.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
