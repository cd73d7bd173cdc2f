// What a check of the doctor says.

import { TunnelError } from "../../base/errors.ts";
import { exitCodeOf } from "../print/exit-codes.ts";

/** `unknown`: it cannot be known from here, and the message says why. */
export type Verdict = "ok" | "warn" | "fail" | "unknown";

export interface Finding {
  /** What was checked, e.g. `dns`; names are for scripts and never change. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly message: string;
  /** What to do or type, for whatever is not ok. */
  readonly fix?: string | undefined;
  /** Exit code of a failure. */
  readonly exitCode?: number | undefined;
}

export function ok(check: string, message: string): Finding {
  return { check, verdict: "ok", message };
}

export function warn(check: string, message: string, fix?: string): Finding {
  return { check, verdict: "warn", message, fix };
}

export function unknown(check: string, message: string, fix?: string): Finding {
  return { check, verdict: "unknown", message, fix };
}

/** @param exitCode one of cli.md's; unreachable unless told otherwise */
export function fail(check: string, message: string, fix?: string, exitCode = UNREACHABLE): Finding {
  return { check, verdict: "fail", message, fix, exitCode };
}

/** A failure that an error describes, with its hint as the fix and its exit code. */
export function failed(check: string, error: unknown, fix?: string): Finding {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof TunnelError ? error.hint : undefined;
  return fail(check, message, hint ?? fix, exitCodeOf(error));
}

/** Nothing failed: 0. Else the code of the first failure: the checks stand in the order in which to mend things. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  return findings.find(({ verdict }) => verdict === "fail")?.exitCode ?? 0;
}

const UNREACHABLE = 69;
export const REFUSED = 77;
export const CONFIGURATION = 78;
