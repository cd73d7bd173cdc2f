import { createReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { ConfigError } from "../../base/errors.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { systemReason } from "../../base/system-reason.ts";
import { BadValueError, readAccessToken } from "../config/values.ts";

/** The longest token has 4096 characters; some white space around it does no harm. */
const MAX_TOKEN_FILE_BYTES = 8 * 1024;

/** Where a shell puts what `<(COMMAND)` says. */
const SUBSTITUTED = /^\/(dev|proc\/self)\/fd\/\d{1,5}$/;

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
    const source = openSource(path, stdin);
    const text =
      source === undefined
        ? readRegularFile(path, MAX_TOKEN_FILE_BYTES).toString("utf8")
        : await readUntil(signal, source);
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

/** Undefined for what is no stream. */
function openSource(path: string, stdin: () => Readable): Readable | undefined {
  if (path === "-") return stdin();
  return SUBSTITUTED.test(path) && statSync(path).isFIFO() ? createReadStream(path) : undefined;
}

async function readUntil(signal: AbortSignal, source: Readable): Promise<string> {
  const stop = () => source.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await readBounded(source);
  } finally {
    signal.removeEventListener("abort", stop);
    source.destroy();
  }
}

async function readBounded(source: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > MAX_TOKEN_FILE_BYTES) throw new BadValueError("too long");
  }
  return Buffer.concat(chunks).toString("utf8");
}
