// Which words of a command line are values of the options before them.

import { looksLikePath } from "../../base/platform.ts";
import { type Option, spellings } from "./option.ts";
import { OPTIONS } from "./options.ts";

/** The options that the next word belongs to, whatever it looks like. */
export const WITH_VALUE: readonly Option<unknown>[] = Object.values<Option<unknown>>(OPTIONS).filter(
  ({ arity }) => arity === "one" || arity === "many",
);

/** Whether the word after an option is its value. */
export function takesNext(word: string, next: string | undefined): boolean {
  if (word === "--local") return isStateDir(next);
  return WITH_VALUE.some((option) => spellings(option).includes(word));
}

/** `--local` takes the next word only if that has a slash. An ARN has one too but is never a directory. */
export function isStateDir(next: string | undefined): boolean {
  return next !== undefined && looksLikePath(next) && !next.startsWith("-") && !next.startsWith("arn:");
}
