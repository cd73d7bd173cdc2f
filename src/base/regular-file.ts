// Files that others may have put where we look: never a device or a pipe, never more than was expected of them.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";

/** What stands at a path is no file to read; `code` says why, as the system's own errors do. */
class UnfitFileError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
    this.name = new.target.name;
  }
}

/**
 * Bytes of a regular file of at most `maxBytes`. Devices, pipes and directories are refused before they are opened, and
 * once more afterwards, in case the path has been changed in between; so are links unless `follow` is given.
 * Throws an error with a `code`: the system's, or a phrase such as "not a regular file".
 */
export function readRegularFile(
  path: string,
  maxBytes: number,
  { follow = true }: { readonly follow?: boolean } = {},
): Buffer {
  check(follow ? statSync(path) : lstatSync(path), maxBytes);
  // Without waiting: a pipe put there meanwhile would hold us for as long as nobody writes.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
  const file = openSync(path, flags | (follow ? 0 : (constants.O_NOFOLLOW ?? 0)));
  try {
    check(fstatSync(file), maxBytes);
    return readAtMost(file, maxBytes);
  } finally {
    closeSync(file);
  }
}

function check(facts: Stats, maxBytes: number): void {
  if (!facts.isFile()) throw new UnfitFileError(facts.isSymbolicLink() ? "a link" : "not a regular file");
  if (facts.size > maxBytes) throw tooLarge(maxBytes);
}

/** By what is read, not by the size: that of files in /proc is 0, and others grow. */
function readAtMost(file: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    const chunk = Buffer.alloc(Math.min(64 * 1024, maxBytes + 1));
    const count = readSync(file, chunk);
    if (count === 0) return Buffer.concat(chunks);
    length += count;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk.subarray(0, count));
  }
}

function tooLarge(maxBytes: number): UnfitFileError {
  return new UnfitFileError(`larger than ${maxBytes / 1_024} KiB`);
}
