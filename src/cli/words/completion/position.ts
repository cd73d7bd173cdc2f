// What the word at the cursor stands for: an option, the value of one, a word of a command's name, an operand.

import { type Option, spellings } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { takesNext } from "../../config/value-words.ts";
import type { Command } from "../command.ts";
import { commandNamed } from "../command-names.ts";

/** What can be typed where the cursor is. `names` are the words before it that are neither options nor their values. */
export type Position =
  | { readonly type: "option"; readonly names: readonly string[]; readonly given: ReadonlySet<string> }
  | { readonly type: "name"; readonly names: readonly string[]; readonly given: ReadonlySet<string> }
  /** `attached` is the option and its “=” when both are one word with the value. */
  | { readonly type: "value"; readonly option: Option<unknown>; readonly attached: string }
  /** Another command's line; its own name is the word with the number `start`, from 0. */
  | { readonly type: "rest"; readonly names: readonly string[]; readonly start: number }
  /** Words that this program hands on unread. */
  | { readonly type: "foreign" };

const ALL: readonly Option<unknown>[] = Object.values(OPTIONS);

/** Where the last of these words stands; it may be empty or unfinished. They follow the program's name. */
export function positionOf(words: readonly string[], commands: readonly Command[]): Position {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? "";
  const names: string[] = [];
  const given = new Set<string>();
  for (let at = 0; at < before.length; at += 1) {
    const each = before[at] ?? "";
    if (each === "--") return { type: "rest", names, start: at + 1 };
    if (!each.startsWith("-")) {
      names.push(each);
      if (isForeignAfter(names, commands)) return { type: "foreign" };
      continue;
    }
    const option = optionOf(each);
    given.add(option === undefined ? each : `--${option.flag}`);
    if (takesNext(each, words[at + 1])) {
      if (at + 1 === before.length && option !== undefined) return { type: "value", option, attached: "" };
      at += 1;
    }
  }
  return atWord(word, names, given);
}

function atWord(word: string, names: readonly string[], given: ReadonlySet<string>): Position {
  const [attached] = /^-[^=]*=/.exec(word) ?? [];
  if (attached === undefined) return { type: word.startsWith("-") ? "option" : "name", names, given };
  const option = optionOf(word);
  return option === undefined ? { type: "foreign" } : { type: "value", option, attached };
}

function optionOf(word: string): Option<unknown> | undefined {
  const name = word.replace(/=.*$/s, "");
  return ALL.find((option) => spellings(option).includes(name));
}

/** ssh reads what follows the thing, and localproxy reads all of its words. */
function isForeignAfter(names: readonly string[], commands: readonly Command[]): boolean {
  const command = commandNamed(names.slice(0, 1), commands);
  return command?.isVerbatim === true || (command?.passesOn === true && names.length > 1);
}
