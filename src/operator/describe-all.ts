import type { ControlPlane } from "../aws/control-plane.ts";
import type { Tunnel } from "../aws/shapes.ts";
import { TunnelError } from "../base/errors.ts";

/** Calls at once: below what the service takes from one account in a second. */
const PARALLEL = 8;

/**
 * What the service knows of each of these tunnels, in their order; those that are gone meanwhile are left out.
 * @param onFailure is told of each that cannot be looked at: the others are found all the same, unless it throws
 */
export async function describeAll(
  controlPlane: ControlPlane,
  tunnelIds: readonly string[],
  onFailure: (error: TunnelError) => void,
): Promise<Tunnel[]> {
  const tunnels: Tunnel[] = [];
  for (let at = 0; at < tunnelIds.length; at += PARALLEL) {
    const ids = tunnelIds.slice(at, at + PARALLEL);
    const found = await Promise.all(ids.map((id) => describeIfThere(controlPlane, id, onFailure)));
    tunnels.push(...found.filter((tunnel) => tunnel !== undefined));
  }
  return tunnels;
}

/** A tunnel may go while others are looked at. */
async function describeIfThere(
  controlPlane: ControlPlane,
  tunnelId: string,
  onFailure: (error: TunnelError) => void,
): Promise<Tunnel | undefined> {
  try {
    return await controlPlane.describeTunnel(tunnelId);
  } catch (error) {
    if (!(error instanceof TunnelError)) throw error;
    if (error.code !== "ERR_NOT_FOUND") onFailure(error);
    return undefined;
  }
}
