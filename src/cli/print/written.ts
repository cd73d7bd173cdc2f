import type { Writable } from "node:stream";

/**
 * Writes what is not empty, and waits until the system has taken it, or never will. Other signs are not to be
 * relied upon for the standard streams: Bun keeps what is written to a pipe without end, counts nothing of it in
 * `writableLength`, and forgets it when the process ends.
 */
export function written(stream: Writable, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write(bytes, () => resolve());
  });
}
