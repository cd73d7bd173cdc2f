// The tags by which tunnels that `tunnel connect` opened are known later.

import { hostname, userInfo } from "node:os";
import type { Tag, Tunnel } from "../aws/shapes.ts";
import { userNumber } from "../base/platform.ts";

const OPENED_BY = "tunnel:opened-by";
const OWNER = "tunnel:owner";
const KEEP = "tunnel:keep";

/** Who opens tunnels here: user number, or name where users have no number, and host, with nothing that a tag's value may not have. */
export function ownerName(): string {
  return `${userNumber() ?? userInfo().username}@${hostname()}`
    .replace(/[^\p{L}\p{N} +\-=._:/@]/gu, "_")
    .slice(0, 256);
}

/** Tags of a tunnel that connect opens. */
export function connectTags(owner: string, keep: boolean): Tag[] {
  const tags = [
    { key: OPENED_BY, value: "connect" },
    { key: OWNER, value: owner },
  ];
  return keep ? [...tags, { key: KEEP, value: "true" }] : tags;
}

/** Opened by a connect that wanted to close it again. */
export function isToBeClosed({ tags }: Tunnel): boolean {
  return tagOf(tags, OPENED_BY) === "connect" && tagOf(tags, KEEP) === undefined;
}

/** Opened by this user on this machine. */
export function isOwnedBy({ tags }: Tunnel, owner: string): boolean {
  return tagOf(tags, OWNER) === owner;
}

function tagOf(tags: readonly Tag[] | undefined, key: string): string | undefined {
  return tags?.find((tag) => tag.key === key)?.value;
}
