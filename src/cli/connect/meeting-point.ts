// Where the connects of one user and one tunnel meet on this machine.

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../../base/env.ts";
import { ConfigError } from "../../base/errors.ts";
import { isPrivateDirectory } from "../../base/private-files.ts";
import { claimSocketDirectory, socketDirectories } from "../config/socket-directory.ts";
import type { Target } from "../target/target.ts";

/** Paths of one meeting point; all lie in a directory that only its user can enter. */
export interface MeetingPoint {
  /** Who holds its lock owns the tunnel. */
  readonly lock: string;
  /** Unix socket: one connection for each process that uses the tunnel. */
  readonly control: string;
  /** Unix socket: one connection for each stream to carry. */
  readonly streams: string;
}

const NAME = "connect";

/** The meeting point of a thing's service at one endpoint, region and account. Makes the directory. */
export function meetingPointOf(
  what: { readonly thing: string; readonly service: string; readonly region: string },
  target: Target,
  env: Env,
): MeetingPoint {
  const directory = claimSocketDirectory(env, NAME);
  if (directory === undefined) {
    throw new ConfigError("there is no directory in which only this user can put sockets", {
      hint: "name one of your own, of mode 0700: XDG_RUNTIME_DIR=DIR",
    });
  }
  const account = target.shared?.accountFacts ?? [];
  const facts = [what.thing, what.service, what.region, target.issuer, target.dataPlane ?? null, account];
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
  return { lock: `${base}.lock`, control: `${base}.control`, streams: `${base}.streams` };
}
