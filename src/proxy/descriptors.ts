import { readFileSync } from "node:fs";

/** Descriptors for everything but connections: runtime, listeners, WebSockets, logs, status sockets. */
const RESERVED = 64;
/** Where the system does not tell: the smallest limit in common use. */
const UNKNOWN_LIMIT = 1_024;

/**
 * How many connections each of some tunnels may have at once, one descriptor each, so that a flood on one leaves the
 * others theirs. At least one.
 */
export function connectionShare(tunnels: number): number {
  return Math.max(1, Math.floor((descriptorLimit() - RESERVED) / tunnels));
}

/** Open files that this process may have; only Linux tells without a native call. */
function descriptorLimit(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? UNKNOWN_LIMIT : Number(limit);
  } catch {
    return UNKNOWN_LIMIT;
  }
}
