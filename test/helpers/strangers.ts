import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const NOBODY = 65_534;

/** A directory of another user: made in `parent` where that is allowed, else one that every system has. */
export function strangersDirectory(parent: string, name = "strangers"): string {
  if (process.getuid?.() !== 0) return "/usr";
  const path = join(parent, name);
  mkdirSync(path, { mode: 0o755 });
  chownSync(path, NOBODY, NOBODY);
  return path;
}
