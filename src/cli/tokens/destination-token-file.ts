// --destination-token-file: the destination's access token, for delivery by hand.

import { accessSync, constants, lstatSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError, UsageError } from "../../base/errors.ts";
import { writePrivateFile } from "../../base/private-files.ts";
import { openTokenStore } from "../../operator/user-tokens.ts";
import type { CommandContext } from "../words/command.ts";

/** Makes sure that tokens can be kept, before a call is made whose tokens could not be had again. */
export function prepareForTokens({ settings, env, log }: CommandContext): void {
  openTokenStore(env, log).prepare();
  const path = settings.get("destinationTokenFile");
  if (path === undefined) return;
  if (path === "-") {
    throw new UsageError(
      "--destination-token-file takes the name of a file, not standard output",
      "--json prints the access tokens on standard output",
    );
  }
  try {
    // A file in its place would be replaced: that must not happen to a device, a pipe or a link to one of them.
    const facts = lstatSync(resolve(path), { throwIfNoEntry: false });
    if (facts !== undefined && !facts.isFile()) {
      throw new ConfigError(`"${path}" (from --destination-token-file) is no regular file`, {
        hint: "name a file that is not there yet; --json prints the access tokens on standard output",
      });
    }
    accessSync(dirname(resolve(path)), constants.W_OK);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`cannot write "${path}" (from --destination-token-file)`, { cause });
  }
}

/** Writes the destination's token to the file that was asked for, if there are both. */
export function writeDestinationToken(token: string | undefined, { settings }: CommandContext): void {
  const path = settings.get("destinationTokenFile");
  if (path !== undefined && token !== undefined) writePrivateFile(resolve(path), `${token}\n`);
}
