import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Env } from "./config/layers.ts";
import { stateHome } from "./config/local.ts";

/** A Unix socket's path has at most 107 bytes; the longest name in the directory is `/4294967295.sock`. */
const MAX_DIRECTORY_BYTES = 107 - 16;

/** Where running proxies and agents of this user publish what they do; undefined when every candidate is too long. */
export function statusDirectory(env: Env): string | undefined {
  const runtime = env["XDG_RUNTIME_DIR"];
  const candidates = [
    ...(runtime !== undefined && isOwn(runtime) ? [join(runtime, "tunnel")] : []),
    join(stateHome(env), "run"),
    join(tmpdir(), `tunnel-${process.getuid?.() ?? 0}`),
  ];
  return candidates.find((path) => Buffer.byteLength(path) <= MAX_DIRECTORY_BYTES);
}

/** Under sudo the variable may still name another user's directory. */
function isOwn(path: string): boolean {
  const uid = statSync(path, { throwIfNoEntry: false })?.uid;
  return path.startsWith("/") && uid !== undefined && uid === process.getuid?.();
}
