// Cases that others wrote, which are not part of the project: beside it where they are there.
import { test } from "bun:test";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Ends the name of every test whose cases lie beside the repository; it may be skipped where they do not. */
export const CONFORMANCE_MARK = "(needs ../shared/conformance)";

const FOLDER = process.env["CONFORMANCE"] ?? join(import.meta.dirname, "../../../shared/conformance");

/** Whether the cases are there. */
export const HAS_CONFORMANCE: boolean = existsSync(FOLDER);

/** A test with the cases of one file, which nobody here wrote; skipped where they are not there. */
export function testWithConformance(
  name: string,
  file: string,
  body: (text: string) => void | Promise<void>,
): void {
  test.skipIf(!HAS_CONFORMANCE)(`${name} ${CONFORMANCE_MARK}`, () =>
    body(readFileSync(join(FOLDER, file), "utf8")),
  );
}

/** Path of a file or folder of them; undefined where it is missing, and the tests that need it are skipped. */
export function conformance(name: string): string | undefined {
  const path = join(FOLDER, name);
  return existsSync(path) ? path : undefined;
}

/** One of the JSON files. */
export function readCases<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** Writes down how many cases held, for scripts/conformance.ts, which names a file in TALLY. */
export function tally(what: string, count: number): void {
  const file = process.env["TALLY"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, count })}\n`);
}
