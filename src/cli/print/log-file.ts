import { constants, existsSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { quoteForShell } from "../../base/shell.ts";
import { systemReason } from "../../base/system-reason.ts";

/** How often is said that lines are lost. */
const TELL_EVERY_MS = 60_000;

/**
 * Opens a file for appending lines, mode 0600 when new. A line that cannot be written, on a full disk for instance, ends
 * nothing: it is lost, and `onLost` is told, once a minute at most, with the lines lost since.
 * @param what what the lines are, for messages: logs, audit lines
 * @throws ConfigError when it cannot be opened
 */
export function openLogFile(
  path: string,
  what: string,
  onLost: (message: string) => void,
): (line: string) => void {
  const file = open(path, what);
  let lost = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  /** A part of a line is there without its end. */
  let isTorn = false;
  const lose = (reason: string) => {
    lost += 1;
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    onLost(
      `cannot write ${what} to "${path}": ${reason} (${lost === 1 ? "a line is" : `${lost} lines are`} lost)`,
    );
    lost = 0;
  };
  return (line) => {
    const bytes = Buffer.from(isTorn ? `\n${line}` : line);
    try {
      const written = writeSync(file, bytes);
      if (written === bytes.length) isTorn = false;
      else {
        isTorn ||= written > 0;
        lose("there is no room");
      }
    } catch (cause) {
      lose(systemReason(cause));
    }
  };
}

function open(path: string, what: string): number {
  try {
    // Not blocking: a pipe that nobody reads would be waited for until somebody does.
    const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants;
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  } catch (cause) {
    const directory = dirname(path);
    const isMissing = !existsSync(directory);
    const reason = isMissing ? `there is no directory "${directory}"` : systemReason(cause);
    throw new ConfigError(`cannot write ${what} to "${path}": ${reason}`, {
      cause,
      hint: isMissing ? `mkdir -p ${quoteForShell(directory)}` : undefined,
    });
  }
}
