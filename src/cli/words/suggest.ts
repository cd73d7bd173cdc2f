// Usage errors that name the corrected command line.

import { UsageError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { nearest } from "../../base/nearest.ts";
import { quoteForShell } from "../../base/shell.ts";
import { type Option, spellings } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS } from "../config/options.ts";
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
    near === undefined ? help : correctedLine(words, word, word.replace(name, near)),
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
    near === undefined ? help : correctedLine(words, word, near),
  );
}

/** The line as typed with one word replaced. Values of secret options are not repeated. */
function correctedLine(words: readonly string[], wrong: string, right: string): string {
  const secrets = ALL.filter(({ secret }) => secret).flatMap((option) => spellings(option));
  const at = words.indexOf(wrong);
  const replaced = words.map((word, index) => (index === at ? right : word));
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
