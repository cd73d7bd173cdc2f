// Where the connects of one user and one tunnel meet on this machine.

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../base/env.ts";
import { ConfigError } from "../base/errors.ts";
import { isPrivateDirectory } from "../base/private-files.ts";
import type { Issuer } from "./saved-token.ts";
import { claimSocketDirectory, socketDirectories } from "./socket-directory.ts";

/** Paths of one meeting point; all lie in a directory that only its user can enter. */
export interface MeetingPoint {
  /** Who holds its lock owns the tunnel. */
  readonly lock: string;
  /** Unix socket: one connection for each process that uses the tunnel. */
  readonly control: string;
  /** Unix sockets whose paths begin so: one for each stream that is dialled, for as long as that takes. */
  readonly streamPrefix: string;
}

const NAME = "connect";

/** Which tunnel service, called as whom: where all of this is equal, so are the tunnels. */
export interface ServiceFacts {
  readonly region: string;
  readonly issuer: Issuer;
  /** The data plane, where it is not the region's own. */
  readonly dataPlane: { readonly host: string; readonly port: number } | undefined;
  /** What the account follows from: profile, names of keys. */
  readonly account: readonly (string | undefined)[];
}

/**
 * The meeting point of a thing's service. Makes the directory. Every version of this program finds the same one, so the
 * facts and their order stay as they are.
 */
export function meetingPointOf(
  what: { readonly thing: string; readonly service: string },
  { region, issuer, dataPlane, account }: ServiceFacts,
  env: Env,
): MeetingPoint {
  const directory = claimSocketDirectory(env, NAME);
  if (directory === undefined) {
    throw new ConfigError("there is no directory in which only this user can put sockets", {
      hint: "name one of your own, of mode 0700: XDG_RUNTIME_DIR=DIR",
    });
  }
  const facts = [what.thing, what.service, region, issuer, dataPlane ?? null, account];
  const name = createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 16);
  return pathsOf(join(directory, name));
}

/** The control sockets of this user's connects, of which some may be left over. */
export function controlSockets(env: Env): string[] {
  return socketDirectories(env)
    .map((directory) => join(directory, NAME))
    .filter(isPrivateDirectory)
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((path) => path.endsWith(".control"));
}

function pathsOf(base: string): MeetingPoint {
  return { lock: `${base}.lock`, control: `${base}.control`, streamPrefix: `${base}.s` };
}
