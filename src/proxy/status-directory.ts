import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Platform } from "../base/platform.ts";
import { isRunning } from "../base/running.ts";
import { isStale } from "../net/own-socket.ts";

/** More files than this are not looked at: somebody else's directory. */
const MAX_SOCKETS = 256;

/** The status sockets in a directory, by the id of their process; none when there is no such directory. */
export function statusSockets(directory: string): ReadonlyMap<number, string> {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return new Map();
  }
  const sockets = names.filter((name) => /^\d{1,10}\.sock$/.test(name)).slice(0, MAX_SOCKETS);
  return new Map(sockets.map((name) => [Number.parseInt(name, 10), join(directory, name)]));
}

/**
 * Removes the sockets of processes that ended without doing so. One whose process runs may not be listened on yet, and
 * looks the same until then.
 */
export async function removeStaleStatusSockets(directory: string, platform: Platform): Promise<void> {
  for (const [pid, path] of statusSockets(directory)) {
    // Without Unix sockets, somebody else may have got the port of one that is dead.
    if (!isRunning(pid) && (platform.isWindows || (await isStale(path, platform)))) {
      rmSync(path, { force: true });
    }
  }
}
