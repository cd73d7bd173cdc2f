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

/**
 * A word as programs on Windows read it from their command line, which is one text there. cmd.exe takes it so too, unless
 * there is a `"` in it, or a `%`, for which it knows no quoting. Paths that need no quotes get none: old versions of ssh
 * there find no program in quotes.
 */
export function quoteForWindows(word: string): string {
  if (/^[\w@%+:,./\\~=-]+$/.test(word)) return word;
  // Backslashes count as such but before a quote: those are doubled, and so are the last ones, before ours.
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&")}"`;
}
