// Where configuration files are looked for. The search is ours, and cosmiconfig only reads what was found: its own
// search first looks for settings of its own and would run a `.config/config.js` of the working directory.

import { lstatSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { configHome, homeOf } from "../../base/home.ts";
import { jsonObject } from "../../base/json-object.ts";
import { isForeign, refuseForeign } from "../../base/ownership.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { MAX_FILE_BYTES } from "./file-text.ts";

/** One path that was looked at. */
export interface Place {
  readonly path: string;
  readonly status: "used" | "absent" | Ignored | "without a tunnel property";
}

/** Why a file that was found in the working directory or above does not count. */
type Ignored = "ignored: belongs to another user" | "ignored: not a regular file" | "ignored: a link";

/** The file that counts. `own`: it is the user's or was named, so it may set everything a file may set. */
export interface Found {
  readonly path: string;
  readonly own: boolean;
}

/** cosmiconfig's usual places, those that hold data. */
export const SEARCH_PLACES = [
  "package.json",
  ".tunnelrc",
  ".tunnelrc.json",
  ".tunnelrc.yaml",
  ".tunnelrc.yml",
  ".config/tunnelrc",
  ".config/tunnelrc.json",
  ".config/tunnelrc.yaml",
  ".config/tunnelrc.yml",
] as const;

const OWN_NAMES = ["config.json", "config.yaml", "config.yml"];

/**
 * Finds the one file that counts: the named one, else the user's own, else the nearest in the working directory or
 * above it, up to the home directory. Everything looked at is in `looked`. Throws ConfigError when the file could have
 * been written by somebody else.
 */
export function findConfigFile(
  named: string | undefined,
  env: Env,
  workingDirectory: () => string,
): { readonly found: Found | undefined; readonly looked: readonly Place[] } {
  if (named !== undefined) {
    const path = resolve(named);
    checkOwner(path, statOf(path));
    return { found: { path, own: true }, looked: [{ path, status: "used" }] };
  }
  const looked: Place[] = [];
  const own = findOwn(configHome(env), looked) ?? findNear(workingDirectory, homeOf(env), looked);
  return { found: own, looked };
}

function findOwn(directory: string, looked: Place[]): Found | undefined {
  for (const name of OWN_NAMES) {
    const path = join(directory, name);
    const facts = statOf(path);
    looked.push({ path, status: facts === undefined ? "absent" : "used" });
    if (facts !== undefined) {
      checkOwner(directory, statOf(directory));
      checkOwner(path, facts);
      return { path, own: true };
    }
  }
  return undefined;
}

function findNear(workingDirectory: () => string, home: string, looked: Place[]): Found | undefined {
  for (const directory of upwards(workingDirectory, home)) {
    for (const name of SEARCH_PLACES) {
      const path = join(directory, name);
      const facts = statOf(path, lstatSync);
      const ignored = facts && whyIgnored(facts);
      if (facts === undefined) {
        looked.push({ path, status: "absent" });
      } else if (ignored !== undefined) {
        looked.push({ path, status: ignored });
      } else if (name === "package.json" && !mentionsTunnel(path)) {
        looked.push({ path, status: "without a tunnel property" });
      } else {
        looked.push({ path, status: "used" });
        return { path, own: false };
      }
    }
  }
  return undefined;
}

/**
 * What is found may set presentation only, but a stranger's file in /tmp, or a cloned repository's link to a device or a
 * secret, must not make our commands fail, wait or tell it either.
 */
function whyIgnored(facts: Stats): Ignored | undefined {
  if (facts.isSymbolicLink()) return "ignored: a link";
  if (!facts.isFile()) return "ignored: not a regular file";
  return isForeign(facts) ? "ignored: belongs to another user" : undefined;
}

/** The working directory and those above it, the last one being the home directory or the root. */
function upwards(workingDirectory: () => string, home: string): string[] {
  let directory: string;
  try {
    directory = workingDirectory();
  } catch {
    return []; // somebody removed it
  }
  const directories = [directory];
  while (directory !== home && dirname(directory) !== directory) {
    directory = dirname(directory);
    directories.push(directory);
  }
  return directories;
}

function statOf(path: string, read: typeof statSync | typeof lstatSync = statSync): Stats | undefined {
  try {
    return read(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a directory that may not be entered, or a file in place of one
  }
}

/** Whether a package.json has a property of ours. Most have none, and are not worth loading a parser for. */
function mentionsTunnel(path: string): boolean {
  try {
    const text = readRegularFile(path, MAX_FILE_BYTES, { follow: false }).toString("utf8");
    const content = /"tunnel"\s*:/.test(text) ? jsonObject(text) : undefined;
    return content !== undefined && Object.hasOwn(content, "tunnel");
  } catch {
    return false;
  }
}

/** Whoever can write the file can send our tokens elsewhere. What is no file or directory, reading it will say. */
function checkOwner(path: string, facts: Stats | undefined): void {
  if (!facts?.isFile() && !facts?.isDirectory()) return;
  refuseForeign(path, facts, "configuration ", "use a file of your own: cp it, then name it with --config");
}
