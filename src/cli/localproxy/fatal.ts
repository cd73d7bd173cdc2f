import type { ReferenceLines } from "./lines.ts";

/** Ends the program with the reference's `[fatal]` line; `exitCode` is one of cli.md's. */
export class ReferenceFatal extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A wrong command line: the reference's own exit code, for which scripts look. */
export const BAD_VALUE = 1;
/** A file that cannot be used, or services that do not match: as everywhere else in this program. */
export const BAD_CONFIGURATION = 78;

/** A value that the reference refuses, with its two lines. The value itself is in neither. */
export function reject(lines: ReferenceLines, input: string, reason: string, message: string): never {
  lines.log("warning", `SECURITY: Rejected input for '${input}': ${reason}`);
  throw new ReferenceFatal(message, BAD_VALUE);
}
