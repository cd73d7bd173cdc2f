// Log lines as the reference proxy writes them: scripts look for its sentences.

import { escapeControl } from "../../base/escape.ts";

/** Severities in the reference's order; a -v level N shows the first N. */
const SEVERITIES = ["fatal", "error", "warning", "info", "debug", "trace"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Writes `[time] (0x…) [level] message` lines, local time, down to a level of 0 (nothing) to 6 (everything). */
export class ReferenceLines {
  readonly #write: (line: string) => void;
  readonly #id: string;
  /** Nothing is held back before -v is known. */
  level: number = SEVERITIES.length;

  /** @param processId stands where the reference has the number of its thread */
  constructor(write: (line: string) => void, processId: number) {
    this.#write = write;
    this.#id = `0x${processId.toString(16).padStart(16, "0")}`;
  }

  log(severity: Severity, message: string): void {
    if (SEVERITIES.indexOf(severity) >= this.level) return;
    this.#write(`[${timestamp(new Date())}] (${this.#id}) [${severity}] ${escapeControl(message, 2_000)}\n`);
  }
}

function timestamp(time: Date): string {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 23)}000`;
}
