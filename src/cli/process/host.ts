import type { Readable } from "node:stream";
import type { Env } from "../../base/env.ts";
import type { TextStream } from "../print/output.ts";

/** What the process gives to a run. */
export interface Host {
  readonly env: Env;
  /** Throws when somebody removed it. */
  readonly workingDirectory: () => string;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly stdin: () => Readable;
  /** Aborted with a StopSignal by SIGINT and SIGTERM, and when the output is lost. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP, from a terminal that was closed, aborts it too. */
  readonly stopOnHangup: () => void;
}
