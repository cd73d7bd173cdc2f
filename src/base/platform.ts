import { posix, win32 } from "node:path";
import process from "node:process";

/** What differs between the systems this program runs on. Whoever asks takes it as a parameter, so that tests can. */
export interface Platform {
  /** Without user numbers, file modes, Unix sockets and /proc. */
  readonly isWindows: boolean;
  /** How paths are written there. */
  readonly path: typeof posix;
}

/** Linux, macOS and their relatives. */
export const POSIX: Platform = { isWindows: false, path: posix };

export const WINDOWS: Platform = { isWindows: true, path: win32 };

/** The system this process runs on. */
export const PLATFORM: Platform = process.platform === "win32" ? WINDOWS : POSIX;

/**
 * The number of this process's user. Undefined on Windows, and with it goes every look at owners and modes of files:
 * both are made up there, and what keeps strangers out of a user's profile are the lists of rights it begins with.
 */
export function userNumber({ isWindows }: Platform = PLATFORM): number | undefined {
  return isWindows ? undefined : process.getuid?.();
}

/** Whether a word is meant as a path, where it could be something else too: it has a separator. */
export function looksLikePath(word: string, { isWindows }: Platform = PLATFORM): boolean {
  return word.includes("/") || (isWindows && word.includes("\\"));
}

/** The path with the home directory in place of a `~` at its beginning. */
export function expandTilde(path: string, home: () => string, { isWindows }: Platform = PLATFORM): string {
  return path.replace(isWindows ? /^~(?=[\\/]|$)/ : /^~(?=\/|$)/, home);
}
