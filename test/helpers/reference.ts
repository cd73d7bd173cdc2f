import { test } from "bun:test";

/** Ends the name of every test that needs the reference proxy: the only tests that may be skipped. */
export const REFERENCE_MARK = "(needs LOCALPROXY)";

/** The reference proxy's program, from the environment variable LOCALPROXY. */
export const REFERENCE_PROXY = process.env["LOCALPROXY"] ?? "";

/** A test against the reference proxy; skipped where LOCALPROXY does not name its program. */
export function testWithReference(name: string, body: () => Promise<void>, timeoutMs?: number): void {
  test.skipIf(REFERENCE_PROXY === "")(`${name} ${REFERENCE_MARK}`, body, timeoutMs);
}
