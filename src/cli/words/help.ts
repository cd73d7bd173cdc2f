// Help texts, derived from the command table and the options table.

import { UsageError } from "../../base/errors.ts";
import type { Option } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";
import { type Command, GROUPS } from "./command.ts";

const WIDTH = 100;

/** Help about a command, a family such as "proxy", or everything when `topic` is empty. */
export function helpText(topic: string, commands: readonly Command[]): string {
  const command = commands.find(({ name }) => name === topic);
  if (command !== undefined) return commandHelp(command);
  const family = commands.filter(({ name }) => name.startsWith(`${topic} `));
  if (topic !== "" && family.length === 0) {
    throw new UsageError(`unknown command "${topic}"`, "tunnel --help");
  }
  return topic === "" ? overview(commands) : familyHelp(topic, family);
}

function overview(commands: readonly Command[]): string {
  const groups = GROUPS.map((group) => {
    const rows = commands
      .filter((command) => command.group === group)
      .map(({ name, summary }) => [name, summary] as const);
    return section(group, rows);
  });
  return join([
    "tunnel opens, carries and serves AWS IoT secure tunnels.",
    "Usage: tunnel COMMAND [OPTION]…",
    ...groups,
    section("Options of every command", GLOBAL_KEYS.map(optionRow)),
    lines("Examples", [
      "tunnel serve-local                                  # a service to try things with",
      "tunnel open --thing pump-7 --service SSH --local",
      "tunnel proxy source -p SSH=2222 --local",
    ]),
    "More about a command: tunnel COMMAND --help",
  ]);
}

function familyHelp(topic: string, family: readonly Command[]): string {
  return join([
    `Usage: tunnel ${topic} COMMAND [OPTION]…`,
    section(
      "Commands",
      family.map(({ name, summary }) => [name, summary] as const),
    ),
    lines(
      "Examples",
      family.flatMap(({ examples }) => examples.slice(0, 1)),
    ),
    `More about a command: tunnel ${family[0]?.name} --help`,
  ]);
}

function commandHelp(command: Command): string {
  const operands = command.operands ?? [];
  const summary = `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`;
  return join([
    summary,
    `Usage: ${usageOf(command)}`,
    section(
      "Words",
      operands.map(({ name, describe }) => [name, describe] as const),
    ),
    section("Options", command.options.map(optionRow)),
    section("Options of every command", [...GLOBAL_KEYS.map(optionRow), ["-h, --help", "this text"]]),
    ...(command.notes ?? []).map((note) => wrap(note, 0)),
    lines("Examples", command.examples),
  ]);
}

/** The command line of a command in general, from the program's name on. */
export function usageOf({ name: command, operands = [], rest }: Command): string {
  const words = operands.map(({ name, required, repeat }) =>
    required ? name : `[${name}]${repeat ? "…" : ""}`,
  );
  const last = rest === undefined ? [] : [`[-- ${rest}]`];
  return ["tunnel", command, ...words, "[OPTION]…", ...last].join(" ");
}

function optionRow(key: OptionKey): readonly [string, string] {
  const option: Option<unknown> = OPTIONS[key];
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.placeholder === undefined ? "" : ` ${option.placeholder}`;
  const env = option.env === undefined ? "" : ` [${option.env.join(", ")}]`;
  return [`${short}--${option.flag}${value}`, `${option.describe}${env}`];
}

/** Left column at most this wide; a longer entry gets a line of its own. */
const MAX_LEFT = 30;

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const left = Math.min(MAX_LEFT, Math.max(...rows.map(([name]) => name.length)));
  const body = rows.map(([name, text]) => {
    const wrapped = wrap(text, left + 4);
    return name.length <= left
      ? `  ${name.padEnd(left)}  ${wrapped}`
      : `  ${name}\n${" ".repeat(left + 4)}${wrapped}`;
  });
  return [`${title}:`, ...body].join("\n");
}

function lines(title: string, texts: readonly string[]): string {
  return [`${title}:`, ...texts.map((text) => `  ${text}`)].join("\n");
}

function wrap(text: string, indent: number): string {
  const done: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      done.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...done, line].join(`\n${" ".repeat(indent)}`);
}

function join(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
