// Usage errors that name the corrected command line.

import { UsageError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { isApiName } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import { quoteForShell } from "../../base/shell.ts";
import { type Option, spellings } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";
import { takesNext } from "../config/value-words.ts";
import type { Command } from "./command.ts";

const ALL: readonly Option<unknown>[] = Object.values(OPTIONS);

/** For an option nobody declares; `word` is as typed, with its value if one is attached. */
export function unknownOption(
  word: string,
  words: readonly string[],
  command: Command | undefined,
): UsageError {
  const [name = ""] = word.split("=");
  const declared =
    command === undefined ? ALL : [...GLOBAL_KEYS, ...command.options].map((key) => OPTIONS[key]);
  const known = [...declared.map(({ flag }) => `--${flag}`), "--help", "--version"];
  const near = nearest(name, known, 2);
  const help = command === undefined ? "tunnel --help" : `tunnel ${command.name} --help`;
  return new UsageError(
    `unknown option ${quote(name)}`,
    near === undefined ? help : correctedLine(words, words.indexOf(word), [word.replace(name, near)]),
  );
}

/** For a first word, or one after a beginning such as "proxy", that names no command. */
export function unknownCommand(
  plain: readonly string[],
  words: readonly string[],
  commands: readonly Command[],
): UsageError {
  for (const count of [2, 1]) {
    const beginning = plain.slice(0, count).join(" ");
    const family = commands
      .filter(({ name }) => name.startsWith(`${beginning} `))
      .map(({ name }) => name.slice(beginning.length + 1));
    const next = plain[count];
    if (family.length > 0 && next === undefined) {
      return new UsageError(
        `"tunnel ${beginning}" needs one of: ${family.join(", ")}`,
        `tunnel ${beginning} ${family[0]} --help`,
      );
    }
    if (family.length > 0 && next !== undefined) {
      return notACommand(`${beginning} ${next}`, next, family, `tunnel ${beginning} --help`, words);
    }
  }
  const [first = ""] = plain;
  const known = commands.map(({ name }) => name.split(" ")[0] ?? "");
  return notACommand(first, first, known, "tunnel --help", words);
}

function notACommand(
  shown: string,
  word: string,
  known: readonly string[],
  help: string,
  words: readonly string[],
): UsageError {
  const near = nearest(word, known, 0);
  return new UsageError(
    `unknown command ${quote(shown)}`,
    near === undefined ? help : correctedLine(words, words.indexOf(word), [near]),
  );
}

/**
 * For a word that no operand takes: a thing or a service whose option was forgotten, or another command's line.
 * @param isGiven whether the line has a value of the option
 */
export function unexpectedOperand(
  word: string,
  words: readonly string[],
  command: Command,
  isGiven: (key: OptionKey) => boolean,
): UsageError {
  const at = operandIndex(words, word);
  const option = isApiName(word) ? forgottenOption(word, command, isGiven) : undefined;
  const right = option === undefined ? ["--", word] : [`--${OPTIONS[option].flag}`, word];
  const isPlain = (option === undefined && command.rest === undefined) || at < 0 || words.includes("--");
  return new UsageError(
    `unexpected ${quote(word)}`,
    isPlain ? `tunnel ${command.name} --help` : correctedLine(words, at, right),
  );
}

function forgottenOption(
  word: string,
  { options }: Command,
  isGiven: (key: OptionKey) => boolean,
): "thing" | "service" | undefined {
  // Services are written as SSH and VNC are, things seldom.
  const likely = /^[A-Z]{3,5}$/.test(word)
    ? (["service", "thing"] as const)
    : (["thing", "service"] as const);
  return likely.find((key) => options.includes(key) && !isGiven(key));
}

/** Where the word stands that is no value of an option. */
function operandIndex(words: readonly string[], operand: string): number {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === operand) return at;
    if (word.startsWith("-") && takesNext(word, words[at + 1])) at += 1;
  }
  return -1;
}

/** An option as it was typed, without its value: `-p` for `-p22`. */
export function asTyped(option: Option<unknown>, words: readonly string[]): string {
  const isShort = words.some((word) => option.short !== undefined && word.startsWith(`-${option.short}`));
  return isShort ? `-${option.short}` : `--${option.flag}`;
}

/** The line as typed with the word at one place replaced. Values of secret options are not repeated. */
function correctedLine(words: readonly string[], at: number, right: readonly string[]): string {
  const secrets = ALL.filter(({ secret }) => secret).flatMap((option) => spellings(option));
  const replaced = words.flatMap((word, index) => (index === at ? right : [word]));
  const corrected = replaced.map((word, index) => {
    const attached = secrets.find((name) => word.startsWith(name) && word !== name);
    const isValue = secrets.includes(replaced[index - 1] ?? "");
    return isValue || attached !== undefined ? `${attached ?? ""}…` : quoteForShell(word);
  });
  return escapeControl(`tunnel ${corrected.join(" ")}`, 400);
}

/** A word of the command line as it appears in a message. */
export function quote(word: string): string {
  return `"${escapeControl(word, 100)}"`;
}
