import { createReadStream } from "node:fs";
import { ConfigError } from "../base/errors.ts";
import { BadValueError, readAccessToken } from "./config/values.ts";

/** The longest token has 4096 characters; some white space around it does no harm. */
const MAX_TOKEN_FILE_BYTES = 8 * 1024;

/** An access token from a file, or from standard input for `-`. Throws ConfigError, which never repeats the token. */
export async function readTokenFile(
  path: string,
  stdin: () => AsyncIterable<Uint8Array | string>,
  signal: AbortSignal,
): Promise<string> {
  const name = path === "-" ? "standard input" : `"${path}"`;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const source = path === "-" ? stdin() : createReadStream(path, { end: MAX_TOKEN_FILE_BYTES });
    return readAccessToken(await Promise.race([readBounded(source), aborted.promise]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BadValueError) {
      throw new ConfigError(`${name} holds no access token: ${error.message}`);
    }
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ConfigError(`cannot read an access token from ${name}: ${reason}`, { cause: error });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readBounded(source: AsyncIterable<Uint8Array | string>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of source) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    if (text.length > MAX_TOKEN_FILE_BYTES) {
      throw new BadValueError("too long");
    }
  }
  return text;
}
