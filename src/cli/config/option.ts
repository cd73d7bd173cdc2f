// What an option is, and the makers of the options table.

import { oneOf } from "./values.ts";

/** How often an option may be given and whether a value follows it. */
export type Arity = "switch" | "one" | "many" | "optional";

/** What a value or an operand names; a path is a file or a directory. */
export type Takes = "file" | "directory" | "path" | "thing" | "tunnel" | "context";

/** One option, whose value is a T. */
export interface Option<T> {
  readonly arity: Arity;
  /** Long name without dashes. */
  readonly flag: string;
  /** One-letter name. */
  readonly short?: string;
  /** Environment variables that give it, the first one set counts. */
  readonly env?: readonly string[];
  /** What stands for the value in the help; switches have none. */
  readonly placeholder?: string;
  /** The values allowed, where they are a closed list. */
  readonly choices?: readonly string[];
  /** What its value names: completions offer these, and a relative path in a file counts from that file. */
  readonly takes?: Takes;
  /** Which configuration files may set it: any, or only the user's own and the one named; absent: none. */
  readonly file?: "any" | "own";
  /** Its value never appears in a message. */
  readonly secret?: boolean;
  readonly describe: string;
  /** Reads the values written, at least one; throws BadValueError with the reason. */
  readonly read: (texts: readonly string[]) => T;
  readonly fallback: T;
}

/** `--local` was given; without a directory the default one is meant. */
export interface LocalChoice {
  readonly stateDir: string | undefined;
}

type Facts = Omit<Option<unknown>, "arity" | "read" | "fallback">;

/** An option without a value. */
export function flag(facts: Facts): Option<boolean> {
  return { ...facts, arity: "switch", read: (texts) => texts.at(-1) !== "false", fallback: false };
}

/** An option with one value; of several the last one counts. */
export function one<T>(facts: Facts & { parse: (text: string) => T; fallback: NoInfer<T> }): Option<T>;
export function one<T>(facts: Facts & { parse: (text: string) => T }): Option<T | undefined>;
export function one<T>({ parse, fallback, ...facts }: Facts & { parse: (text: string) => T; fallback?: T }) {
  return { ...facts, arity: "one", read: (texts: readonly string[]) => parse(texts.at(-1) ?? ""), fallback };
}

/** An option with one value of a closed list. */
export function choice<T extends string>(
  facts: Facts & { choices: readonly T[]; fallback: NoInfer<T> },
): Option<T>;
export function choice<T extends string>(facts: Facts & { choices: readonly T[] }): Option<T | undefined>;
export function choice<T extends string>(facts: Facts & { choices: readonly T[]; fallback?: T }) {
  return one({ ...facts, parse: oneOf(...facts.choices), fallback: facts.fallback as T });
}

/** An option that may be repeated. */
export function many<T>({ parse, ...facts }: Facts & { parse: (text: string) => T }): Option<readonly T[]> {
  return { ...facts, arity: "many", read: (texts) => texts.map((text) => parse(text)), fallback: [] };
}

/** Names as the parser knows them, without dashes. */
export function namesOf({ flag: long, short }: Option<unknown>): string[] {
  return short === undefined ? [long] : [long, short];
}

/** Names as people type them. */
export function spellings({ flag: long, short }: Option<unknown>): string[] {
  return short === undefined ? [`--${long}`] : [`--${long}`, `-${short}`];
}
