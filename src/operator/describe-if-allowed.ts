import type { ControlPlane } from "../aws/control-plane.ts";
import type { Tunnel } from "../aws/shapes.ts";
import { ServiceError } from "../base/errors.ts";

/** A tunnel as the service knows it; undefined without permission to look. Throws TunnelError. */
export async function describeIfAllowed(
  tunnelId: string,
  controlPlane: ControlPlane,
): Promise<Tunnel | undefined> {
  try {
    return await controlPlane.describeTunnel(tunnelId);
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ERR_DENIED") return undefined;
    throw error;
  }
}
