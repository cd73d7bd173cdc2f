import { type Stats, statSync } from "node:fs";
import { ConfigError } from "./errors.ts";
import { PLATFORM, type Platform, userNumber } from "./platform.ts";
import { shellLine } from "./shell.ts";
import { systemReason } from "./system-reason.ts";

const WRITABLE_BY_OTHERS = 0o022;

/** Whether something belongs to neither this user nor the administrator. */
export function isForeign({ uid }: Stats, platform: Platform = PLATFORM): boolean {
  const user = userNumber(platform);
  return user !== undefined && uid !== user && uid !== 0;
}

/**
 * Refuses what somebody else could have put at `path`. @throws ConfigError
 * @param what how messages call it, before its path
 * @param hint what to do instead of using it
 */
export function refuseForeign(
  path: string,
  facts: Stats,
  what: string,
  hint: string,
  platform: Platform = PLATFORM,
): void {
  const name = `${what}"${path}"`;
  if (isForeign(facts, platform)) throw new ConfigError(`${name} belongs to another user`, { hint });
  if (userNumber(platform) !== undefined && (facts.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new ConfigError(`${name} can be written by other users`, { hint: shellLine`chmod go-w ${path}` });
  }
}

/** Facts of what is at `path`, or undefined. @throws ConfigError when it cannot be looked at, and as refuseForeign */
export function ownFacts(path: string, what: string, hint: string): Stats | undefined {
  let facts: Stats | undefined;
  try {
    facts = statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new ConfigError(`cannot use "${path}": ${systemReason(cause)}`, { cause, hint });
  }
  if (facts !== undefined) refuseForeign(path, facts, what, hint);
  return facts;
}
