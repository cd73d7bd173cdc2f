// What SQLite's failures mean to whoever runs serve-local.

import { ConfigError } from "../../base/errors.ts";
import { codeOf } from "../../base/system-reason.ts";

/** Why a database cannot be used: SQLite's number of the error, its text where a runtime gives no number. */
const CAUSES = [
  { code: 5, text: "database is locked", cause: "busy" },
  { code: 8, text: "readonly database", cause: "readonly" },
  { code: 10, text: "disk I/O error", cause: "disk" },
  { code: 11, text: "malformed", cause: "damaged" },
  { code: 13, text: "database or disk is full", cause: "full" },
  { code: 14, text: "unable to open database file", cause: "closed" },
  { code: 26, text: "file is not a database", cause: "damaged" },
] as const;

type Cause = (typeof CAUSES)[number]["cause"];

const SENTENCES: Readonly<Record<Exclude<Cause, "busy">, readonly [sentence: string, hint: string]>> = {
  readonly: ["it may not be written", "check the owner and the mode of the file and its directory"],
  disk: [
    "it cannot be read or written: the disk fails, or a limit of file sizes is reached",
    "check the disk, or choose another --state-dir",
  ],
  damaged: ["it is damaged: cut short or overwritten", ""],
  full: ["no space is left on the disk", "free some space, or choose another --state-dir"],
  closed: ["it cannot be opened", "check the owner and the mode of the file and its directory"],
};

/** The file is not, or not whole, what serve-local wrote; `how` is a clause such as `it is empty`. */
export function damagedStore(path: string, how: string, cause?: unknown): ConfigError {
  return new ConfigError(`cannot open the store "${path}": ${how}`, {
    cause,
    hint: `put back a copy of it, or start without its tunnels: rm '${path}'*`,
  });
}

/** The error to show for one that came up while the store was opened. */
export function failureToOpen(error: unknown, path: string): ConfigError {
  if (error instanceof ConfigError) return error;
  const cause = causeOf(error);
  if (cause === "busy") {
    return new ConfigError(`"${path}" is in use by another serve-local`, {
      cause: error,
      hint: "stop that one, or choose another --state-dir (or --ephemeral)",
    });
  }
  if (cause === "damaged") return damagedStore(path, SENTENCES.damaged[0], error);
  const [sentence, hint] = SENTENCES[cause ?? causeOfFile(error)];
  return new ConfigError(`cannot open the store "${path}": ${sentence}`, { cause: error, hint });
}

/** What to throw, and to log, for an error that came up while the store was in use; others stay what they are. */
export function failureInUse(error: unknown, path: string): unknown {
  const cause = causeOf(error);
  return cause === undefined || cause === "busy"
    ? error
    : new ConfigError(`cannot use the store "${path}": ${SENTENCES[cause][0]}`, { cause: error });
}

function causeOf(error: unknown): Cause | undefined {
  if (!(error instanceof Error) || codeOf(error) !== "ERR_SQLITE_ERROR") return undefined;
  // The low byte is the kind, the rest a detail.
  const number = "errcode" in error ? Number(error.errcode) & 0xff : undefined;
  return CAUSES.find(({ code, text }) =>
    number === undefined ? error.message.includes(text) : code === number,
  )?.cause;
}

/** Of what the file system says before SQLite is asked. */
function causeOfFile(error: unknown): Exclude<Cause, "busy"> {
  switch (codeOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return "full";
    case "EROFS":
      return "readonly";
    case "EIO":
    case "EFBIG":
      return "disk";
    default:
      return "closed";
  }
}
