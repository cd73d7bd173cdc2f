// The command table and the options table as completions need them.

import type { Command } from "../command.ts";
import { type Option, spellings, type Takes } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";

/** What may be offered for a value: a closed list, things of one sort, or nothing. */
export type Offer = readonly string[] | Takes | "nothing";

/** One option, with the commands that take it. */
export interface Flag {
  /** As typed, the long name first. */
  readonly names: readonly string[];
  readonly describe: string;
  readonly placeholder: string;
  /** A word follows. */
  readonly hasValue: boolean;
  readonly isRepeatable: boolean;
  readonly offer: Offer;
  /** Absent: every command. */
  readonly commands?: readonly string[];
}

/** One command. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  /** What to offer for the words after its name; the last one counts for further words if `repeats`. */
  readonly operands: readonly { readonly label: string; readonly offer: Offer }[];
  readonly repeats: boolean;
  /** Another command follows `--`. */
  readonly hasRest: boolean;
}

/** Words that continue a beginning: "" → open, proxy …; "proxy" → source, destination. */
export interface Continuation {
  readonly beginning: string;
  readonly words: readonly { readonly word: string; readonly summary: string }[];
}

export interface Grammar {
  readonly entries: readonly Entry[];
  readonly continuations: readonly Continuation[];
  readonly flags: readonly Flag[];
}

/** Operands are named after what they are. */
const OPERANDS: Readonly<Record<string, Takes>> = { ID: "tunnel", "ID|ARN": "tunnel", THING: "thing" };

const HELP: Flag = {
  names: ["--help", "-h"],
  describe: "explain the command",
  placeholder: "",
  hasValue: false,
  isRepeatable: false,
  offer: "nothing",
};

/** Derives what completions need. */
export function grammarOf(commands: readonly Command[]): Grammar {
  return {
    entries: commands.map(entryOf),
    continuations: continuationsOf(commands),
    flags: [...(Object.keys(OPTIONS) as OptionKey[]).flatMap((key) => flagOf(key, commands)), HELP],
  };
}

function entryOf({ name, summary, operands = [], rest }: Command): Entry {
  return {
    name,
    summary,
    operands: operands.map((operand) => ({ label: operand.name, offer: operandOffer(operand.name) })),
    repeats: operands.at(-1)?.repeat === true,
    hasRest: rest !== undefined,
  };
}

function operandOffer(name: string): Offer {
  return OPERANDS[name] ?? (/^[a-z]+(\|[a-z]+)+$/.test(name) ? name.split("|") : "nothing");
}

function flagOf(key: OptionKey, commands: readonly Command[]): Flag[] {
  const option: Option<unknown> = OPTIONS[key];
  const users = commands.filter(({ options }) => options.includes(key)).map(({ name }) => name);
  const isGlobal = (GLOBAL_KEYS as readonly OptionKey[]).includes(key);
  if (users.length === 0 && !isGlobal) {
    return [];
  }
  return [
    {
      names: spellings(option),
      describe: option.describe,
      placeholder: option.placeholder ?? "",
      hasValue: option.arity === "one" || option.arity === "many",
      isRepeatable: option.arity === "many",
      offer: option.choices ?? option.takes ?? "nothing",
      ...(isGlobal ? {} : { commands: users }),
    },
  ];
}

function continuationsOf(commands: readonly Command[]): Continuation[] {
  const found = new Map<string, Map<string, string>>();
  for (const { name, summary } of commands) {
    const words = name.split(" ");
    for (const [at, word] of words.entries()) {
      const beginning = words.slice(0, at).join(" ");
      const next = found.get(beginning) ?? new Map<string, string>();
      const isFamily = at + 1 < words.length;
      if (!next.has(word) || !isFamily) {
        next.set(word, isFamily ? familySummary(words.slice(0, at + 1).join(" "), commands) : summary);
      }
      found.set(beginning, next);
    }
  }
  return [...found].map(([beginning, words]) => ({
    beginning,
    words: [...words].map(([word, summary]) => ({ word, summary })),
  }));
}

function familySummary(beginning: string, commands: readonly Command[]): string {
  const family = commands.filter(({ name }) => name.startsWith(`${beginning} `));
  return family.map(({ name }) => name.slice(beginning.length + 1)).join(", ");
}

/** Flags of one command, the global ones included. */
export function flagsOf({ flags }: Grammar, command: string): readonly Flag[] {
  return flags.filter(({ commands }) => commands === undefined || commands.includes(command));
}

/** A word in single quotes, for bash and zsh. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
