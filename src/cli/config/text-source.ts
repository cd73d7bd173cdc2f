import { createReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { readRegularFile } from "../../base/regular-file.ts";
import { BadValueError } from "./values.ts";

/** Where a shell puts what `<(COMMAND)` says. */
const SUBSTITUTED = /^\/(dev|proc\/self)\/fd\/\d{1,5}$/;

/**
 * The text of a regular file, of standard input for `-`, or of the pipe of a shell's `<(COMMAND)`. Any other pipe is
 * refused: opening one waits for its writer, deaf to signals. Throws the system's errors, BadValueError when a stream
 * has more than `maxBytes`, and the signal's reason.
 */
export async function readTextSource(
  path: string,
  stdin: () => Readable,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const source = openSource(path, stdin);
  if (source === undefined) return readRegularFile(path, maxBytes).toString("utf8");
  const stop = () => source.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await readBounded(source, maxBytes);
  } finally {
    signal.removeEventListener("abort", stop);
    source.destroy();
  }
}

/** Undefined for what is no stream. */
function openSource(path: string, stdin: () => Readable): Readable | undefined {
  if (path === "-") return stdin();
  return SUBSTITUTED.test(path) && statSync(path).isFIFO() ? createReadStream(path) : undefined;
}

async function readBounded(source: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > maxBytes) throw new BadValueError("too long");
  }
  return Buffer.concat(chunks).toString("utf8");
}
