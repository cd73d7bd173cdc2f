import { homedir } from "node:os";
import { join } from "node:path";
import type { Env } from "./env.ts";

/** The user's home directory; the root directory for a user that has none, as in many containers. */
export function homeOf(env: Env): string {
  try {
    return env["HOME"] || homedir();
  } catch {
    // No HOME, and no such user in the system's list.
    return "/";
  }
}

/** Directory of this program's state: `$XDG_STATE_HOME/tunnel`, or `~/.local/state/tunnel`. */
export function stateHome(env: Env): string {
  // The base directory specification says that a relative path is to be ignored.
  const base = env["XDG_STATE_HOME"]?.startsWith("/") ? env["XDG_STATE_HOME"] : undefined;
  return join(base ?? join(homeOf(env), ".local", "state"), "tunnel");
}
