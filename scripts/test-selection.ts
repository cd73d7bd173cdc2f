// What of the suite is run, by the words behind scripts/test.
import { relative } from "node:path";

/** What the command line asks for. */
export interface Selection {
  /** Parts of paths of test files; none means all files. */
  readonly patterns: readonly string[];
  /** Regular expression for the names of tests; without it all of them run. */
  readonly name: string | undefined;
  /** For the test runner of Bun. */
  readonly options: readonly string[];
}

/** Options of `bun test` whose value may be the next word. */
const VALUED = ["--timeout", "--seed", "--rerun-each", "--retry"];
const NAME = ["-t", "--test-name-pattern"];

/**
 * Reads the words. Paths may be absolute, or begin with `./`.
 * @throws Error when the value of an option is missing
 */
export function readSelection(words: readonly string[], root: string): Selection {
  const patterns: string[] = [];
  const options: string[] = [];
  let name: string | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const [option = "", ...inline] = word.split("=");
    if (!word.startsWith("-")) {
      patterns.push(patternOf(word, root));
    } else if (inline.length === 0 && [...NAME, ...VALUED].includes(option)) {
      at += 1;
      const value = words[at];
      if (value === undefined) throw new Error(`${option} wants a value`);
      if (NAME.includes(option)) name = value;
      else options.push(`${option}=${value}`);
    } else if (NAME.includes(option)) {
      name = inline.join("=");
    } else {
      options.push(word);
    }
  }
  return { patterns, name, options };
}

function patternOf(word: string, root: string): string {
  return word.startsWith("/") ? relative(root, word) : word.replace(/^(\.\/+)+/, "");
}

export function isWanted(path: string, { patterns }: Selection): boolean {
  return patterns.length === 0 || patterns.some((pattern) => path.includes(pattern));
}

/** Patterns that no file has in its path: most likely mistyped. */
export function strayPatterns({ patterns }: Selection, paths: readonly string[]): string[] {
  return patterns.filter((pattern) => !paths.some((path) => path.includes(pattern)));
}
