const TOKEN = /(\s+)|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y;

/**
 * The words of a text as a POSIX shell parts and unquotes them, without any expansion; undefined where a quote is left
 * open. Profile names and commands in the files of the AWS CLI are written so.
 */
export function shellWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let isInWord = false;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    const [, space, single, double, escaped, plain] = match;
    if (space !== undefined) {
      isInWord = false;
      continue;
    }
    if (!isInWord) words.push("");
    isInWord = true;
    words[words.length - 1] += single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? plain ?? "";
  }
  return words;
}

/**
 * The words of a command line as programs on Windows part and unquote it: a backslash is one, but before a `"`.
 * Undefined where a quote is left open. Commands in the files of the AWS CLI are written so there.
 */
export function windowsWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (const [, slashes = "", rest = ""] of text.matchAll(/(\\*)("|[ \t]|[^\\" \t]+|$)/g)) {
    const isGap = !isQuoted && /^[ \t]?$/.test(rest);
    const kept = rest === '"' ? slashes.slice(Math.ceil(slashes.length / 2)) : slashes;
    if (!isGap || kept !== "") word = (word ?? "") + kept;
    if (rest !== '"') word = isGap ? word : `${word}${rest}`;
    else if (slashes.length % 2 === 1) word += rest;
    else isQuoted = !isQuoted;
    if (!isGap || word === undefined) continue;
    words.push(word);
    word = undefined;
  }
  return isQuoted ? undefined : words;
}
