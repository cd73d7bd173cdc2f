import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { ownFacts } from "../../base/ownership.ts";
import { systemReason } from "../../base/system-reason.ts";

/** What to type when the state directory cannot be used: `hint` of base/private-files.ts. */
export const STATE_ADVICE = { hint: "choose another --state-dir" } as const;

/** Directories of a state directory, each with keys or certificates that are believed. */
export const BELIEVED = ["ca", "device-ca", "things"] as const;

/** Refuses a state directory in which, or in whose directories, somebody else could put a key of theirs. */
export function checkOwner(stateDirectory: string): void {
  for (const directory of [stateDirectory, ...BELIEVED.map((name) => join(stateDirectory, name))]) {
    ownFacts(directory, "state directory ", STATE_ADVICE.hint);
  }
}

/** Makes a directory for this user alone among the temporary files. Throws ConfigError. */
export function makeTemporaryDirectory(): string {
  const parent = tmpdir();
  try {
    return mkdtempSync(join(parent, "tunnel-local-"));
  } catch (cause) {
    throw new ConfigError(`cannot make a directory in "${parent}": ${systemReason(cause)}`, {
      cause,
      hint: "set TMPDIR to a directory that can be written, or name one with --state-dir",
    });
  }
}
