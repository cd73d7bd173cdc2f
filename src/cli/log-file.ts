import { constants, openSync, writeSync } from "node:fs";
import { ConfigError } from "../base/errors.ts";

/** Without waiting: a pipe that nobody reads would hold us, deaf to signals. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);

/** Opens a log file for appending, mode 0600 when new. Throws ConfigError when it cannot be opened. */
export function openLogFile(path: string): (line: string) => void {
  let file: number;
  try {
    file = openSync(path, FLAGS, 0o600);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigError(
      `cannot write logs to "${path}": ${reason === "ENXIO" ? "a pipe that nobody reads" : reason}`,
      { cause },
    );
  }
  return (line) => {
    try {
      writeSync(file, line);
    } catch {
      // A full disk must not end a tunnel; the line is lost.
    }
  };
}
