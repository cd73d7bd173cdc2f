import type { Readable } from "node:stream";
import { ConfigError } from "../../base/errors.ts";
import { systemReason } from "../../base/system-reason.ts";
import { readTextSource } from "../config/text-source.ts";
import { BadValueError, readAccessToken } from "../config/values.ts";

/** The longest token has 4096 characters; some white space around it does no harm. */
const MAX_TOKEN_FILE_BYTES = 8 * 1024;

/**
 * An access token from a regular file, from standard input for `-`, or from the pipe of a shell's `<(COMMAND)`. Any
 * other pipe is refused: opening one waits for its writer, deaf to signals. Throws ConfigError, which never repeats the
 * token.
 */
export async function readTokenFile(
  path: string,
  stdin: () => Readable,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const name = path === "-" ? "standard input" : `"${path}"`;
  try {
    const text = await readTextSource(path, stdin, MAX_TOKEN_FILE_BYTES, signal);
    return readAccessToken(text);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BadValueError) {
      throw new ConfigError(`${name} holds no access token: ${error.message}`);
    }
    throw new ConfigError(`cannot read an access token from ${name}: ${systemReason(error)}`, {
      cause: error,
      hint: "name a file, or give it on standard input: --access-token-file -",
    });
  }
}
