/** What one run of a test runner came to. */
export interface Report {
  readonly passed: number;
  readonly failed: number;
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
    failed: failed.length,
    skipped: skipped.map((text) => unescapeXml(/name="([^"]*)"/.exec(text)?.[1] ?? "")),
  };
}

function unescapeXml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
