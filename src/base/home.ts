import { homedir } from "node:os";
import type { Env } from "./env.ts";
import { PLATFORM, type Platform } from "./platform.ts";

/** The variable that names the user's home. HOME on Windows is that of a Unix-like shell, which writes paths otherwise. */
export function homeVariable({ isWindows }: Platform = PLATFORM): "HOME" | "USERPROFILE" {
  return isWindows ? "USERPROFILE" : "HOME";
}

/** The user's home directory; the root directory for a user that has none, as in many containers. */
export function homeOf(env: Env, platform: Platform = PLATFORM): string {
  try {
    return env[homeVariable(platform)] || homedir();
  } catch {
    // No HOME, and no such user in the system's list.
    return "/";
  }
}

/** What a base directory of this user is called on each kind of system. */
interface BaseDirectory {
  readonly xdg: string;
  /** Below the home directory, where the variable names none. */
  readonly below: readonly string[];
  readonly windows: { readonly variable: string; readonly below: readonly string[] };
}

const STATE: BaseDirectory = {
  xdg: "XDG_STATE_HOME",
  below: [".local", "state"],
  windows: { variable: "LOCALAPPDATA", below: ["AppData", "Local"] },
};

const CONFIG: BaseDirectory = {
  xdg: "XDG_CONFIG_HOME",
  below: [".config"],
  windows: { variable: "APPDATA", below: ["AppData", "Roaming"] },
};

/**
 * Directory of this program's state: `$XDG_STATE_HOME/tunnel`, or `~/.local/state/tunnel`, on Windows
 * `%LOCALAPPDATA%\tunnel`.
 */
export function stateHome(env: Env, platform: Platform = PLATFORM): string {
  return directoryOf(STATE, env, platform);
}

/**
 * Directory of the user's own configuration: `$XDG_CONFIG_HOME/tunnel`, or `~/.config/tunnel`, on Windows
 * `%APPDATA%\tunnel`.
 */
export function configHome(env: Env, platform: Platform = PLATFORM): string {
  return directoryOf(CONFIG, env, platform);
}

/** The base directory specification says that a relative path is to be ignored. */
function directoryOf({ xdg, below, windows }: BaseDirectory, env: Env, platform: Platform): string {
  const { isAbsolute, join } = platform.path;
  const variables = platform.isWindows ? [xdg, windows.variable] : [xdg];
  const named = variables.map((name) => env[name] ?? "").find((path) => isAbsolute(path));
  const usual = platform.isWindows ? windows.below : below;
  return join(named ?? join(homeOf(env, platform), ...usual), "tunnel");
}
