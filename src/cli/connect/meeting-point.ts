// Where the connects of one user and one tunnel meet on this machine.

import { createHash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ConfigError } from "../../base/errors.ts";
import { claimPrivateDirectory } from "../../base/private-files.ts";
import { shellLine } from "../../base/shell.ts";
import type { Env } from "../config/layers.ts";
import type { Target } from "../target.ts";

/** Paths of one meeting point; all lie in a directory that only its user can enter. */
export interface MeetingPoint {
  /** Who holds its lock owns the tunnel. */
  readonly lock: string;
  /** Unix socket: one connection for each process that uses the tunnel. */
  readonly control: string;
  /** Unix socket: one connection for each stream to carry. */
  readonly streams: string;
}

/** Longest path of a Unix socket everywhere, without its closing zero byte. */
const MAX_SOCKET_PATH = 103;

/** The meeting point of a thing's service at one endpoint, region and account. Makes the directory. */
export function meetingPointOf(
  what: { readonly thing: string; readonly service: string; readonly region: string },
  target: Target,
  env: Env,
): MeetingPoint {
  const directory = meetingDirectory(env);
  claimPrivateDirectory(directory);
  if (lstatSync(directory).isSymbolicLink()) {
    throw new ConfigError(`"${directory}" is a link`, { hint: shellLine`rm ${directory}` });
  }
  const account =
    target.local === undefined
      ? [target.profile ?? env["AWS_PROFILE"] ?? "", env["AWS_ACCESS_KEY_ID"] ?? ""]
      : [];
  const facts = [what.thing, what.service, what.region, target.issuer, target.dataPlane ?? null, account];
  const name = createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 16);
  return pathsOf(join(directory, name));
}

/** The control sockets of this user's connects, of which some may be left over. */
export function controlSockets(env: Env): string[] {
  const directory = meetingDirectory(env);
  try {
    const names = readdirSync(directory);
    return names.filter((name) => name.endsWith(".control")).map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function pathsOf(base: string): MeetingPoint {
  return { lock: `${base}.lock`, control: `${base}.control`, streams: `${base}.streams` };
}

/** In the user's runtime directory; where there is none, or its path is too long for sockets, in /tmp. */
function meetingDirectory(env: Env): string {
  const runtime = env["XDG_RUNTIME_DIR"];
  if (runtime?.startsWith("/")) {
    const directory = join(runtime, "tunnel", "connect");
    if (directory.length + "/0123456789abcdef.streams".length <= MAX_SOCKET_PATH) return directory;
  }
  return `/tmp/tunnel-connect-${process.getuid?.() ?? "user"}`;
}
