/**
 * What may do something to a terminal or to the reading of a line besides being seen: control characters (C0, DEL, C1),
 * marks of direction, of no width and of other formatting, line and paragraph separators, halves of surrogate pairs,
 * and whatever else Unicode says is drawn as nothing. Of combining marks, those after the fourth on one letter:
 * they pile up over other lines.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]|(?<=\p{M}{4})\p{M}/gu;

/**
 * Text of others (networks, files, arguments) made safe for one line of a terminal or a log: what UNSAFE finds is
 * written as `\u001b`. At most `maxLength` UTF-16 units of the text are kept, and “…” stands for the rest.
 */
export function escapeControl(text: string, maxLength = 500): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, "")}…` : text;
  return cut.replace(UNSAFE, escapeUnits);
}

/** The lines of a text of our own making, each made safe; line breaks and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(UNSAFE, (sign) => (sign === "\n" || sign === "\t" ? sign : escapeUnits(sign)));
}

/** A value as one line of JSON, line break included: the same value to a parser, harmless to a terminal. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value).replace(UNSAFE, escapeUnits)}\n`;
}

/** By UTF-16 units, as JSON wants it. */
function escapeUnits(sign: string): string {
  return sign
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
