import { homedir } from "node:os";
import process from "node:process";
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

/** Says where home is to the AWS libraries, which give up on a user that has none. */
export function nameHome(): void {
  process.env["HOME"] ||= homeOf(process.env);
}
