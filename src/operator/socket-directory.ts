// Where the processes of one user find each other: status sockets, and below them the meeting point of connects. One
// rule for all: a directory of this user, in a place where nobody else can put another in its stead.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../base/env.ts";
import { stateHome } from "../base/home.ts";
import { PLATFORM, type Platform, userNumber } from "../base/platform.ts";
import { isPrivateDirectory, isTrustedDirectory, ownerOfPlace } from "../base/private-files.ts";

/** Longest path of a Unix socket everywhere, without its closing zero byte. */
const MAX_SOCKET_PATH = 103;
/** The longest that is put into the directory. */
const LONGEST_NAME = "/connect/0123456789abcdef.control";

/** Where everybody may make directories a stranger may have taken a name: there are some more. */
const SHARED_NAMES = ["", ".1", ".2", ".3"];

interface Place {
  readonly base: string;
  /** Directory in `base`. */
  readonly path: string;
  /** The base may be made, and counts only if it is this user's own. */
  readonly kind: "own" | "made" | "shared";
}

/** Directories that exist, the one in use first: those who look for processes look in all of them. */
export function socketDirectories(env: Env): string[] {
  return placesOf(env).flatMap((place) =>
    isTrusted(place) && isPrivateDirectory(place.path) ? [place.path] : [],
  );
}

/** The first directory that can be had, or `inner` in it, made if need be; undefined when there is none. */
export function claimSocketDirectory(env: Env, inner = ""): string | undefined {
  const place = placesOf(env).find((each) => claim(each) && claimPath(join(each.path, inner)));
  return place && join(place.path, inner);
}

/**
 * The runtime directory of the session, or the one it would have (cron and su leave the variable out), the state
 * directory, and what is there for everybody. The environment of sudo may name those of another user. On Windows the
 * state directory alone: it is in the user's profile, which nobody else may enter.
 */
export function placesOf(env: Env, platform: Platform = PLATFORM): Place[] {
  if (platform.isWindows) {
    const base = stateHome(env, platform);
    return [{ base, path: platform.path.join(base, "run"), kind: "made" }];
  }
  const user = userNumber(platform) ?? "user";
  const runtime = env["XDG_RUNTIME_DIR"];
  const state = stateHome(env);
  const places: Place[] = [
    ...(runtime?.startsWith("/")
      ? [{ base: runtime, path: join(runtime, "tunnel"), kind: "own" } as const]
      : []),
    { base: `/run/user/${user}`, path: `/run/user/${user}/tunnel`, kind: "own" },
    { base: state, path: join(state, "run"), kind: "made" },
    ...SHARED_NAMES.map(
      (suffix) => ({ base: "/tmp", path: `/tmp/tunnel-${user}${suffix}`, kind: "shared" }) as const,
    ),
  ];
  return places.filter(({ path }) => Buffer.byteLength(path) + LONGEST_NAME.length <= MAX_SOCKET_PATH);
}

function claim(place: Place): boolean {
  try {
    if (place.kind === "made" && ownerOfPlace(place.path) === undefined) {
      mkdirSync(place.base, { recursive: true, mode: 0o700 });
    }
  } catch {
    // A home that cannot be written to: the next place.
  }
  return isTrusted(place) && claimPath(place.path);
}

function isTrusted({ base, kind }: Place): boolean {
  return isTrustedDirectory(base, kind !== "shared");
}

function claimPath(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch {
    // It is there already, whosever it is, or cannot be made: what is there is looked at.
  }
  return isPrivateDirectory(path);
}
