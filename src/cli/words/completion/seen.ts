// What completions offer: ids of tunnels and names of things seen lately.

import { join } from "node:path";
import type { Env } from "../../../base/env.ts";
import { stateHome } from "../../../base/home.ts";
import { claimPrivateDirectory, readPrivateFile, writePrivateFile } from "../../../base/private-files.ts";
import { readApiName, readTunnelId } from "../../config/values.ts";

/** As many as one looks through; with the longest names the files stay under what readPrivateFile takes. */
const MAX_TUNNELS = 50;
const MAX_THINGS = 100;

/** A tunnel as the API describes it, as far as completions go. */
export interface SeenTunnel {
  readonly tunnelId?: string | undefined;
  readonly thingName?: string | undefined;
  /** OPEN or CLOSED; absent means open. */
  readonly status?: string | undefined;
}

/**
 * Puts tunnels and things in front of those seen before and drops the tunnels that are closed. A convenience: it never
 * fails, and writes only what changed.
 */
export function rememberSeen(env: Env, tunnels: readonly SeenTunnel[]): void {
  try {
    const directory = join(stateHome(env), "seen");
    const closed = new Set(
      tunnels.filter(({ status }) => status === "CLOSED").map(({ tunnelId }) => tunnelId),
    );
    const open = tunnels.filter(({ tunnelId }) => !closed.has(tunnelId));
    const things = tunnels.flatMap(({ thingName }) =>
      thingName === undefined ? [] : [readApiName(thingName)],
    );
    update(join(directory, "tunnels"), open.flatMap(lineOf), MAX_TUNNELS, (id) => !closed.has(id));
    update(join(directory, "things"), things, MAX_THINGS, () => true);
  } catch {
    // An unwritable or strange state directory is told by the commands that need it.
  }
}

function lineOf({ tunnelId, thingName }: SeenTunnel): string[] {
  if (tunnelId === undefined) return [];
  return [`${readTunnelId(tunnelId)}${thingName === undefined ? "" : `\t${readApiName(thingName)}`}`];
}

/** A tunnel's id or a thing's name; of a tunnel also its thing, where that is known. */
export interface Seen {
  readonly name: string;
  readonly thing: string | undefined;
}

/** What was seen lately, the latest first. A convenience: what is not of our making is left out, and it never fails. */
export function readSeen(env: Env, kind: "tunnels" | "things"): Seen[] {
  try {
    const text = readPrivateFile(join(stateHome(env), "seen", kind)) ?? "";
    return text.split("\n").flatMap((line) => seenOf(line, kind === "tunnels" ? readTunnelId : readApiName));
  } catch {
    return [];
  }
}

function seenOf(line: string, readName: (text: string) => string): Seen[] {
  try {
    const [name = "", thing] = line.split("\t");
    return [{ name: readName(name), thing: thing === undefined ? undefined : readApiName(thing) }];
  } catch {
    return [];
  }
}

/** Lines begin with a name; of two with the same name the first one stays, but keeps what only the other knew. */
function update(
  path: string,
  lines: readonly string[],
  limit: number,
  keep: (name: string) => boolean,
): void {
  const before = readPrivateFile(path) ?? "";
  const byName = new Map<string, string>();
  for (const line of [...lines, ...before.split("\n")]) {
    const [name = ""] = line.split("\t");
    const known = byName.get(name);
    if (name !== "" && keep(name) && (known === undefined || known.length < line.length)) {
      byName.set(name, line);
    }
  }
  const after = [...byName.values()]
    .slice(0, limit)
    .map((line) => `${line}\n`)
    .join("");
  if (after !== before) {
    claimPrivateDirectory(join(path, ".."));
    writePrivateFile(path, after);
  }
}
