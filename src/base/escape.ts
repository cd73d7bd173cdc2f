/** Text from the network made safe for a terminal or a log line: control characters are written as escapes. */
export function escapeControl(text: string, maxLength = 500): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const hex = char.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${hex}`;
  });
}
