// Cases that others wrote, which are not part of the project: beside it where they are there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = process.env["CONFORMANCE"] ?? join(import.meta.dirname, "../../../shared/conformance");

/** Path of a file or folder of them; undefined where it is missing, and the tests that need it are skipped. */
export function conformance(name: string): string | undefined {
  const path = join(FOLDER, name);
  return existsSync(path) ? path : undefined;
}

/** One of the JSON files. */
export function readCases<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8"));
}
