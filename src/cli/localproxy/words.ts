// Words of the reference proxy's command line → options, read as its parser (Boost.Program_options) reads them.

import { REFERENCE_OPTIONS, type ReferenceOption } from "./reference-options.ts";

/** The command line is wrong. The message is the reference's sentence, which scripts look for. */
export class ReferenceUsageError extends Error {}

/** Options by long name; a switch has an empty text. */
export type ReferenceFlags = ReadonlyMap<string, string>;

/** Reads `--name value`, `--name=value`, unambiguous beginnings of names, `-n value`, `-nvalue` and `-kn`. */
export function parseReferenceWords(words: readonly string[]): ReferenceFlags {
  const flags = new Map<string, string>();
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined && word !== "--"; word = rest.shift()) {
    if (word.startsWith("--")) readLong(word.slice(2), rest, flags);
    else if (word.startsWith("-") && word.length > 1) readShort(word.slice(1), rest, flags);
    // The reference says nothing about words that are no options.
  }
  return flags;
}

/** The option of a name as written, which may be its beginning. Throws when there is none, or more than one. */
function findReferenceOption(written: string, shown = `--${written}`): ReferenceOption {
  const exact = REFERENCE_OPTIONS.find(({ name }) => name === written);
  const [found, ...others] =
    exact === undefined ? REFERENCE_OPTIONS.filter(({ name }) => name.startsWith(written)) : [exact];
  if (found === undefined || written === "") throw new ReferenceUsageError(`unrecognised option '${shown}'`);
  if (others.length === 0) return found;
  const names = [found, ...others].map(({ name }) => `'--${name}'`);
  names.sort();
  throw new ReferenceUsageError(
    `option '${shown}' is ambiguous and matches ${names.slice(0, -1).join(", ")}, and ${names.at(-1)}`,
  );
}

function readLong(text: string, rest: string[], flags: Map<string, string>): void {
  const at = text.indexOf("=");
  const option = findReferenceOption(at < 0 ? text : text.slice(0, at), `--${text}`);
  const attached = at < 0 ? undefined : text.slice(at + 1);
  if (option.isSwitch && attached !== undefined) {
    throw new ReferenceUsageError(`option '--${option.name}' does not take any arguments`);
  }
  if (attached === "") {
    throw new ReferenceUsageError(
      `the argument for option '--${option.name}' should follow immediately after the equal sign`,
    );
  }
  store(option, option.isSwitch ? "" : (attached ?? takeValue(option, rest)), flags);
}

/** @param word as it was written, since letters may stand together */
function readShort(text: string, rest: string[], flags: Map<string, string>, word = text): void {
  const letter = text.charAt(0);
  const option = REFERENCE_OPTIONS.find(({ short }) => short === letter);
  if (option === undefined) throw new ReferenceUsageError(`unrecognised option '-${word}'`);
  const attached = text.slice(1);
  if (!option.isSwitch) return store(option, attached === "" ? takeValue(option, rest) : attached, flags);
  store(option, "", flags);
  if (attached !== "") readShort(attached, rest, flags, word);
}

function takeValue(option: ReferenceOption, rest: string[]): string {
  const [next] = rest;
  if (next === undefined || isKnownOption(next)) {
    throw new ReferenceUsageError(`the required argument for option '--${option.name}' is missing`);
  }
  return rest.shift() ?? "";
}

function isKnownOption(word: string): boolean {
  if (word.startsWith("--")) {
    const written = word.slice(2).replace(/=.*$/s, "");
    return written !== "" && REFERENCE_OPTIONS.some(({ name }) => name.startsWith(written));
  }
  return word.startsWith("-") && REFERENCE_OPTIONS.some(({ short }) => short === word.charAt(1));
}

function store(option: ReferenceOption, value: string, flags: Map<string, string>): void {
  if (flags.has(option.name)) {
    throw new ReferenceUsageError(`option '--${option.name}' cannot be specified more than once`);
  }
  flags.set(option.name, value);
}
