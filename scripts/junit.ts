/** What one run of a test runner came to. */
export interface Report {
  readonly passed: number;
  /** Names of tests that failed. */
  readonly failed: readonly string[];
  /** Names of tests that were skipped, or are still to be written. */
  readonly skipped: readonly string[];
}

/** Counts the test cases of a JUnit report as `bun test` and `deno test` write it. */
export function parseJunit(xml: string): Report {
  const cases = xml.split("<testcase ").slice(1);
  const skipped = cases.filter((text) => text.includes("<skipped"));
  const failed = cases.filter((text) => /<(failure|error)\b/.test(text));
  return {
    passed: cases.length - skipped.length - failed.length,
    failed: failed.map(nameOf),
    skipped: skipped.map(nameOf),
  };
}

/** The name of a test case, with its file and group where the runner tells. */
function nameOf(text: string): string {
  const [name, group, file] = ["name", "classname", "file"].map((attribute) =>
    unescapeXml(new RegExp(`\\b${attribute}="([^"]*)"`).exec(text)?.[1] ?? ""),
  );
  return [file, group, name].filter((part) => part !== "").join(": ");
}

function unescapeXml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
