import { homedir } from "node:os";
import type { Env } from "./layers.ts";

/** The user's home directory; the root directory for a user that has none, as in many containers. */
export function homeOf(env: Env): string {
  try {
    return env["HOME"] || homedir();
  } catch {
    // No HOME, and no such user in the system's list.
    return "/";
  }
}
