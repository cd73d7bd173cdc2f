import type { ControlPlane } from "../aws/control-plane.ts";
import type { Tunnel } from "../aws/shapes.ts";
import type { Env } from "../base/env.ts";
import type { TunnelError } from "../base/errors.ts";
import { ownerName } from "./connect-tags.ts";
import { describeAll } from "./describe-all.ts";
import { controlSockets } from "./meeting-point.ts";
import { tunnelOf } from "./member.ts";
import { isStale } from "./pick-tunnel.ts";

/** Longer than OpenTunnel takes. */
const NEW_MS = 60_000;

/**
 * Tunnels that a `tunnel connect` opened and did not close: those of this user and machine that no running one
 * carries, and those of others that have had no source for some time. Newest first. `onFailure` is told of each that
 * cannot be looked at: the others are found all the same.
 */
export async function staleTunnels(
  controlPlane: ControlPlane,
  filter: { readonly thingName: string | undefined; readonly max: number },
  env: Env,
  onFailure: (error: TunnelError) => void,
): Promise<Tunnel[]> {
  const summaries = await controlPlane.listTunnels(filter);
  const open = summaries.filter(({ status }) => status === "OPEN").map(({ tunnelId }) => tunnelId);
  const running = await runningTunnels(env);
  const isOneOpening = running.has(undefined);
  // Not later: a connect that had no answer when it was asked may be running by then.
  const now = Date.now();
  const isMaybeNew = (tunnel: Tunnel) => isOneOpening && isNew(tunnel, now);
  const tunnels = await describeAll(controlPlane, open, onFailure);
  return tunnels.filter((tunnel) => isStale(tunnel, ownerName(), running, now) && !isMaybeNew(tunnel));
}

/** One that was opened a moment ago may be that of a connect which has not got the answer yet. */
function isNew({ createdAt }: Tunnel, now: number): boolean {
  return now - createdAt.getTime() < NEW_MS;
}

/**
 * Tunnels that the connects of this user on this machine carry; undefined is among them while one has none yet. Asked
 * over the control sockets, without which there is no connect: a status socket may be missing, or busy with watchers.
 */
async function runningTunnels(env: Env): Promise<ReadonlySet<string | undefined>> {
  const found = await Promise.all(controlSockets(env).map((path) => tunnelOf(path)));
  return new Set(found.filter((each) => each !== undefined).map(({ tunnelId }) => tunnelId));
}
