import { openSync, writeSync } from "node:fs";
import { ConfigError } from "../base/errors.ts";

/** Opens a log file for appending, mode 0600 when new. Throws ConfigError when it cannot be opened. */
export function openLogFile(path: string): (line: string) => void {
  let file: number;
  try {
    file = openSync(path, "a", 0o600);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigError(`cannot write logs to "${path}": ${reason}`, { cause });
  }
  return (line) => {
    try {
      writeSync(file, line);
    } catch {
      // A full disk must not end a tunnel; the line is lost.
    }
  };
}
