// Words of the command line → command, options, operands. yargs' parser does the reading; its command layer is
// left out because it hands over failures as finished sentences, and ours have to name the corrected command.

import { Parser } from "yargs/helpers";
import { UsageError } from "../../base/errors.ts";
import type { Flags } from "../config/layers.ts";
import { namesOf, type Option, spellings } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";
import { isStateDir, takesNext, WITH_VALUE } from "../config/value-words.ts";
import type { Command } from "./command.ts";
import { beginningOf, commandNamed } from "./command-names.ts";
import { asTyped, quote, unexpectedOperand, unknownCommand, unknownOption } from "./suggest.ts";

/** What the words ask for. `topic` is what help is wanted about: nothing, a command, or a first word such as proxy. */
export type Request =
  | { readonly type: "help"; readonly topic: string }
  | { readonly type: "version" }
  | {
      readonly type: "command";
      readonly command: Command;
      readonly flags: Flags;
      readonly operands: readonly string[];
      readonly rest: readonly string[] | undefined;
    };

/** Reads the words after the program's name. Throws UsageError with the corrected command where it can be guessed. */
export function parseArgv(words: readonly string[], commands: readonly Command[]): Request {
  const verbatim = commandNamed(words.slice(0, 1), commands);
  if (verbatim?.isVerbatim) {
    return {
      type: "command",
      command: verbatim,
      flags: new Map(),
      operands: words.slice(1),
      rest: undefined,
    };
  }
  const { ours, rest } = splitWords(words, commands);
  const { argv, error } = Parser.detailed(attachValues(ours), PARSER_OPTIONS);
  const plain = argv._.map(String);
  if (argv["help"] || plain[0] === "help") return { type: "help", topic: topicOf(plain, commands) };
  if (argv["version"]) return { type: "version" };
  const names = plain.filter((word) => !word.startsWith("-"));
  const command = commandNamed(names, commands);
  // The parser leaves unknown options among the plain words.
  const unknown = plain.find((word) => word.startsWith("-") && word.length > 1);
  const isGiven = (key: OptionKey) => argv[OPTIONS[key].flag] !== undefined;
  if (unknown !== undefined) {
    const stray = command && strayOperand(plain.slice(0, plain.indexOf(unknown)), command);
    // `connect … ls -l`: the option is one of a command that was to stand after "--".
    if (stray !== undefined && command?.rest !== undefined) {
      throw unexpectedOperand(stray, words, command, isGiven);
    }
    throw unknownOption(unknown, words, command);
  }
  if (plain.length === 0) return noCommand(argv, rest);
  if (command === undefined) throw unknownCommand(plain, words, commands);
  if (error) throw new UsageError(missingValue(error, words), `tunnel ${command.name} --help`);
  checkSwitches(ours, command);
  const flags = collectFlags(argv, command, words);
  const operands = plain.slice(command.name.split(" ").length);
  checkOperands(operands, command);
  const stray = strayOperand(plain, command);
  if (stray !== undefined) throw unexpectedOperand(stray, words, command, isGiven);
  if (rest !== undefined && command.rest === undefined && !command.passesOn) {
    throw new UsageError(`"--" has no meaning for "tunnel ${command.name}"`, `tunnel ${command.name} --help`);
  }
  return { type: "command", command, flags, operands, rest };
}

/** Our own words, and those that are not for us: after `--`, or after the first operand of a command that passes on. */
function splitWords(
  words: readonly string[],
  commands: readonly Command[],
): { readonly ours: readonly string[]; readonly rest: readonly string[] | undefined } {
  const passedOn = passedOnStart(words, commands);
  if (passedOn !== undefined) return { ours: words.slice(0, passedOn), rest: words.slice(passedOn) };
  const end = words.indexOf("--");
  return end < 0
    ? { ours: words, rest: undefined }
    : { ours: words.slice(0, end), rest: words.slice(end + 1) };
}

function passedOnStart(words: readonly string[], commands: readonly Command[]): number | undefined {
  let isFound = false;
  for (let at = 0; at < words.length && words[at] !== "--"; at += 1) {
    const word = words[at] ?? "";
    if (word.startsWith("-")) {
      at += takesNext(word, words[at + 1]) ? 1 : 0;
    } else if (isFound) {
      return at + 1;
    } else if (commandNamed([word], commands)?.passesOn) {
      isFound = true;
    } else {
      return undefined;
    }
  }
  return undefined;
}

/** Whether answers are wanted as JSON; known even of a command line that does not parse. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--json" || word === "--json=true");
}

const ENTRIES = Object.entries(OPTIONS) as readonly [OptionKey, Option<unknown>][];
const NAMES = new Map(
  ENTRIES.flatMap(([key, option]) => namesOf(option).map((name) => [name, key] as const)),
);

/** Every option as people type it. */
const OPTION_WORDS = new Set([
  ...ENTRIES.flatMap(([, option]) => spellings(option)),
  "--help",
  "-h",
  "--version",
  "-V",
]);

const PARSER_OPTIONS = {
  string: ENTRIES.filter(([, option]) => option.arity !== "switch").flatMap(([, option]) => namesOf(option)),
  boolean: [
    ...ENTRIES.filter(([, option]) => option.arity === "switch").flatMap(([, option]) => namesOf(option)),
    "help",
    "h",
    "version",
    "V",
  ],
  alias: {
    ...Object.fromEntries(
      ENTRIES.flatMap(([, { flag, short }]) => (short === undefined ? [] : [[flag, [short]]])),
    ),
    help: ["h"],
    version: ["V"],
  },
  narg: Object.fromEntries(WITH_VALUE.flatMap((option) => namesOf(option).map((name) => [name, 1]))),
  configuration: {
    "boolean-negation": false,
    "camel-case-expansion": false,
    "dot-notation": false,
    "greedy-arrays": false,
    "parse-numbers": false,
    "parse-positional-numbers": false,
    "strip-aliased": true,
    "unknown-options-as-args": true,
  },
};

/**
 * Each value becomes one word with its option, whatever it looks like: the parser would take `-p x` for an option of
 * ours. Only another option in its place means that it was forgotten.
 */
function attachValues(words: readonly string[]): string[] {
  const attached: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const next = words[at + 1];
    const option = WITH_VALUE.find((each) => spellings(each).includes(word));
    const takes = word === "--local" ? isStateDir(next) : option !== undefined && isValue(next);
    if (takes) {
      attached.push(`--${option?.flag ?? "local"}=${next}`);
      at += 1;
    } else {
      attached.push(word === "--local" ? "--local=" : attachShort(word));
    }
  }
  return attached;
}

/** `-p2222` and `-p=2222` → `--source-listen-port=2222`: the parser splits attached values only when they are numbers. */
function attachShort(word: string): string {
  const match = /^-([a-z])=?(.+)$/s.exec(word);
  const option = WITH_VALUE.find(({ short }) => short !== undefined && short === match?.[1]);
  return option === undefined ? word : `--${option.flag}=${match?.[2]}`;
}

function isValue(next: string | undefined): next is string {
  return next !== undefined && !OPTION_WORDS.has(next.replace(/^(--[^=]+)=.*$/s, "$1"));
}

function topicOf(plain: readonly string[], commands: readonly Command[]): string {
  const names = plain.filter((word) => word !== "help" && !word.startsWith("-"));
  return beginningOf(names, commands) ?? names[0] ?? "";
}

type Argv = ReturnType<typeof Parser.detailed>["argv"];

function noCommand(argv: Argv, rest: readonly string[] | undefined): Request {
  if (rest === undefined && ENTRIES.every(([, option]) => argv[option.flag] === undefined)) {
    return { type: "help", topic: "" };
  }
  throw new UsageError("no command given", "tunnel --help");
}

function collectFlags(argv: Argv, command: Command, words: readonly string[]): Flags {
  const allowed = new Set<OptionKey>([...GLOBAL_KEYS, ...command.options]);
  const flags = new Map<OptionKey, readonly string[]>();
  for (const [name, value] of Object.entries(argv)) {
    const key = NAMES.get(name);
    if (key === undefined || value === undefined) continue;
    if (!allowed.has(key)) {
      throw new UsageError(
        `"tunnel ${command.name}" has no option "${asTyped(OPTIONS[key], words)}"`,
        `tunnel ${command.name} --help`,
      );
    }
    const isSingle = OPTIONS[key].arity === "one" || OPTIONS[key].arity === "optional";
    if (Array.isArray(value) && isSingle && !command.repeats?.includes(key)) {
      throw new UsageError(
        `--${OPTIONS[key].flag} is given ${value.length} times; it takes one value`,
        `tunnel ${command.name} --help`,
      );
    }
    flags.set(key, value === true ? [""] : [value].flat().map(String)); // --json=false is ["false"]
  }
  return flags;
}

function checkOperands(operands: readonly string[], command: Command): void {
  const declared = command.operands ?? [];
  const missing = declared[operands.length];
  if (missing?.required) {
    throw new UsageError(`${missing.name} is missing: ${missing.describe}`, command.examples[0]);
  }
}

/** The first word after a command's name that none of its operands takes. */
function strayOperand(plain: readonly string[], { name, operands = [] }: Command): string | undefined {
  if (operands.at(-1)?.repeat) return undefined;
  return plain.filter((word) => !word.startsWith("-"))[name.split(" ").length + operands.length];
}

/** The parser takes any value of a switch for "off". */
function checkSwitches(words: readonly string[], command: Command): void {
  for (const word of words) {
    const [, flag, value = ""] = /^--([a-z-]+)=(.*)$/s.exec(word) ?? [];
    const isSwitch = ENTRIES.some(([, option]) => option.flag === flag && option.arity === "switch");
    if (isSwitch && value !== "true" && value !== "false") {
      throw new UsageError(`--${flag} takes no value: ${quote(value)}`, `tunnel ${command.name} --help`);
    }
  }
}

function missingValue(error: Error, words: readonly string[]): string {
  const option = WITH_VALUE.find((each) => namesOf(each).some((name) => error.message.endsWith(` ${name}`)));
  if (option === undefined) return "an option lacks its value";
  return `${asTyped(option, words)} needs a value: ${option.placeholder}`;
}
