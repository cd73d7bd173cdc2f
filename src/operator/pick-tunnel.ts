import type { Tunnel } from "../aws/shapes.ts";
import { isOwnedBy, isToBeClosed } from "./connect-tags.ts";
import { endOf } from "./tunnel-end.ts";

/** A tunnel that is not worth a connection any more. */
const MIN_LEFT_MS = 60_000;
/** So long after its last change, a tunnel that somebody else's connect opened is taken for left over. */
const LEFT_OVER_MS = 10 * 60_000;

/** A tunnel to reuse and why it may be. */
export interface Picked {
  readonly tunnel: Tunnel;
  readonly why: "open" | "left-over" | "taken-over";
}

/**
 * The best tunnel to reuse: open, for exactly this thing and service, with time left, and its source disconnected
 * unless `takeOver`. A device that is connected counts most, then the time left. What another connect opened a moment
 * ago is its own, even if its source is not connected yet.
 */
export function pickTunnel(
  tunnels: readonly Tunnel[],
  wanted: { readonly thing: string; readonly service: string; readonly takeOver: boolean },
  owner: string,
  now: number,
): Picked | undefined {
  const fitting = tunnels.filter((tunnel) => fits(tunnel, wanted, now));
  const free = fitting.filter((tunnel) => isFree(tunnel, owner, now));
  const [best] = free.length > 0 || !wanted.takeOver ? sorted(free) : sorted(fitting);
  if (best === undefined) return undefined;
  if (free.length === 0) return { tunnel: best, why: "taken-over" };
  return { tunnel: best, why: isToBeClosed(best) ? "left-over" : "open" };
}

/**
 * Whether a tunnel was left over: opened by a connect that meant to close it, without a source, and not carried by one
 * that runs (`running`: tunnel ids of this machine).
 */
export function isStale(
  tunnel: Tunnel,
  owner: string,
  running: ReadonlySet<string | undefined>,
  now: number,
): boolean {
  if (tunnel.status !== "OPEN" || !isToBeClosed(tunnel) || isSourceConnected(tunnel)) return false;
  return isFree(tunnel, owner, now) && !running.has(tunnel.tunnelId);
}

export function isDestinationConnected({ destinationConnectionState }: Tunnel): boolean {
  return destinationConnectionState?.status === "CONNECTED";
}

function isSourceConnected({ sourceConnectionState }: Tunnel): boolean {
  return sourceConnectionState?.status === "CONNECTED";
}

function fits(tunnel: Tunnel, wanted: { readonly thing: string; readonly service: string }, now: number) {
  const { thingName, services = [] } = tunnel.destinationConfig ?? {};
  const isFor = thingName === wanted.thing && services.length === 1 && services[0] === wanted.service;
  return tunnel.status === "OPEN" && isFor && endOf(tunnel).getTime() - now >= MIN_LEFT_MS;
}

/** Without a source, and not about to get one from a connect that has just opened it. */
function isFree(tunnel: Tunnel, owner: string, now: number): boolean {
  if (isSourceConnected(tunnel)) return false;
  if (!isToBeClosed(tunnel) || isOwnedBy(tunnel, owner)) return true;
  return now - (tunnel.lastUpdatedAt ?? tunnel.createdAt).getTime() >= LEFT_OVER_MS;
}

function sorted(tunnels: readonly Tunnel[]): Tunnel[] {
  const rank = (tunnel: Tunnel) => Number(isDestinationConnected(tunnel));
  return [...tunnels].sort((a, b) => rank(b) - rank(a) || endOf(b).getTime() - endOf(a).getTime());
}
