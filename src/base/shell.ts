/** A word as a POSIX shell takes it literally. Control characters stay: whoever writes the line escapes them. */
export function quoteForShell(word: string): string {
  return /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line for a person to paste: each value is one word, quoted where it must be. */
export function shellLine(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts
    .map((part, index) => `${part}${index < values.length ? quoteForShell(values[index] ?? "") : ""}`)
    .join("");
}
