import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { ConfigError } from "../base/errors.ts";
import { BadValueError, readAccessToken } from "./config/values.ts";

/** The longest token has 4096 characters; some white space around it does no harm. */
const MAX_TOKEN_FILE_BYTES = 8 * 1024;

/** An access token from a file, or from standard input for `-`. Throws ConfigError, which never repeats the token. */
export async function readTokenFile(
  path: string,
  stdin: () => Readable,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const name = path === "-" ? "standard input" : `"${path}"`;
  const source = path === "-" ? stdin() : createReadStream(path);
  const stop = () => source.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return readAccessToken(await readBounded(source));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BadValueError) {
      throw new ConfigError(`${name} holds no access token: ${error.message}`);
    }
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ConfigError(`cannot read an access token from ${name}: ${reason}`, { cause: error });
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
    if (length > MAX_TOKEN_FILE_BYTES) {
      throw new BadValueError("too long");
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}
