// Words of the command table and of the options table, as candidates of a completion.

import { type Option, spellings } from "../../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../../config/options.ts";
import type { Command } from "../command.ts";

/** A word that can stand at the cursor, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly describe?: string | undefined;
}

/** Options of a command, or without one of every command; of those given the ones that can be repeated. */
export function optionCandidates(command: Command | undefined, given: ReadonlySet<string>): Candidate[] {
  const keys: readonly OptionKey[] = [...GLOBAL_KEYS, ...(command?.options ?? [])];
  const isRepeated = (key: OptionKey) => OPTIONS[key].arity === "many" || command?.repeats?.includes(key);
  const fresh: readonly Option<unknown>[] = keys
    .filter((key) => isRepeated(key) || !given.has(`--${OPTIONS[key].flag}`))
    .map((key) => OPTIONS[key]);
  return [
    ...fresh.flatMap((option) => spellings(option).map((word) => ({ word, describe: option.describe }))),
    ...["--help", "-h"].map((word) => ({ word, describe: "explain the command" })),
  ];
}

/** Words by which these names go on to be a command's: after nothing open, proxy…; after proxy source, destination. */
export function nextNames(names: readonly string[], commands: readonly Command[]): Candidate[] {
  const beginning = names.map((name) => `${name} `).join("");
  const found = new Map<string, string>();
  for (const { name, summary } of commands.filter((command) => command.name.startsWith(beginning))) {
    const [word = "", ...more] = name.slice(beginning.length).split(" ");
    const family = commands.filter((each) => each.name.startsWith(`${beginning}${word} `));
    const members = family.map((each) => each.name.slice(beginning.length + word.length + 1)).join(", ");
    if (more.length === 0 || !found.has(word)) found.set(word, more.length === 0 ? summary : members);
  }
  return [...found].map(([word, describe]) => ({ word, describe }));
}
