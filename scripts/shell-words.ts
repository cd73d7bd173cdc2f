// Splits shell text into the commands it would run, as far as our documents go: quotes, comments, continued lines,
// pipes, redirections, `$(…)` and control words. Nothing is expanded.

/** Words that stand before a command without being one. */
const BEFORE = new Set([
  "if",
  "then",
  "else",
  "elif",
  "while",
  "until",
  "do",
  "!",
  "sudo",
  "timeout",
  "exec",
]);
const ALONE = new Set(["fi", "done", "esac", "{", "}"]);
const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** Words of every command, also of those within `$(…)` and behind `sh -c`. Throws Error for a quote without an end. */
export function shellCommands(text: string): string[][] {
  return new Splitter(text).split().flatMap(strip).flatMap(withInner);
}

function strip(words: readonly string[]): string[][] {
  let at = 0;
  while (at < words.length && isBefore(words, at)) at += 1;
  const rest = words.slice(at);
  return rest.length === 0 || ALONE.has(rest[0] ?? "") ? [] : [rest];
}

function isBefore(words: readonly string[], at: number): boolean {
  const word = words[at] ?? "";
  return BEFORE.has(word) || ASSIGNMENT.test(word) || (words[at - 1] === "timeout" && /^\d+$/.test(word));
}

function withInner(words: string[]): string[][] {
  const at = words.findIndex((word, index) => word === "-c" && words[index - 1] === "sh");
  return at < 0 ? [words] : [words, ...shellCommands(words[at + 1] ?? "")];
}

class Splitter {
  readonly #text: string;
  readonly #commands: string[][] = [];
  readonly #inner: string[][] = [];
  #words: string[] = [];
  #word: string | undefined;
  /** The next word is the file of a redirection. */
  #isFile = false;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  split(): string[][] {
    while (this.#at < this.#text.length) this.#step();
    this.#endCommand();
    return [...this.#commands, ...this.#inner];
  }

  #step(): void {
    const char = this.#text[this.#at] ?? "";
    this.#at += 1;
    if (char === "#" && this.#word === undefined) this.#skipTo("\n");
    else if (char === "\\") this.#escape();
    else if (char === "'") this.#add(this.#until("'"));
    else if (char === '"') this.#add(this.#quoted());
    else if (char === "$" && this.#text[this.#at] === "(") this.#add(this.#substitution());
    else if (char === "<" || char === ">") this.#redirect();
    else if (/[;&|()\n]/.test(char)) this.#endCommand();
    else if (/\s/.test(char)) this.#endWord();
    else this.#add(char);
  }

  #add(text: string): void {
    this.#word = (this.#word ?? "") + text;
  }

  #escape(): void {
    const next = this.#text[this.#at] ?? "";
    this.#at += 1;
    if (next !== "\n") this.#add(next);
  }

  /** What comes before the next `end`, which is passed. */
  #until(end: string): string {
    const to = this.#text.indexOf(end, this.#at);
    if (to < 0) throw new Error(`no ${end} ends "${this.#text.slice(this.#at)}"`);
    const text = this.#text.slice(this.#at, to);
    this.#at = to + 1;
    return text;
  }

  #skipTo(end: string): void {
    const to = this.#text.indexOf(end, this.#at);
    this.#at = to < 0 ? this.#text.length : to;
  }

  #quoted(): string {
    let text = "";
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) throw new Error(`no " ends in "${this.#text}"`);
      const isSubstitution = this.#text.startsWith("$(", this.#at);
      if (this.#text[this.#at] === "\\") this.#at += 1;
      const char = this.#text[this.#at] ?? "";
      this.#at += 1;
      text += isSubstitution ? this.#substitution() : char;
    }
    this.#at += 1;
    return text;
  }

  /** Stands behind the dollar sign. The commands within are kept apart. */
  #substitution(): string {
    const start = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at += 1) {
      if (this.#text[this.#at] === "'") this.#at = this.#text.indexOf("'", this.#at + 1);
      if (this.#text[this.#at] === "(") depth += 1;
      if (this.#text[this.#at] === ")") depth -= 1;
      if (depth === 0) break;
    }
    const inside = this.#text.slice(start, this.#at);
    this.#at += 1;
    this.#inner.push(...new Splitter(inside).split());
    return `$(${inside})`;
  }

  #redirect(): void {
    if (/^\d$/.test(this.#word ?? "")) this.#word = undefined;
    this.#endWord();
    while (/[<>&]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    this.#isFile = true;
  }

  #endWord(): void {
    if (this.#word === undefined) return;
    if (!this.#isFile) this.#words.push(this.#word);
    this.#isFile = false;
    this.#word = undefined;
  }

  #endCommand(): void {
    this.#endWord();
    if (this.#words.length > 0) this.#commands.push(this.#words);
    this.#words = [];
  }
}
