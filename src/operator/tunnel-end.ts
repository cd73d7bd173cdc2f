import type { Tunnel } from "../aws/shapes.ts";
import { MAX_TUNNEL_LIFE_MINUTES } from "../protocol/constants.ts";

/**
 * When a tunnel ends at the latest: counted from its opening, or from now where that is unknown. `now` in milliseconds
 * since 1970.
 */
export function endOf(
  { createdAt, timeoutConfig }: Partial<Pick<Tunnel, "createdAt" | "timeoutConfig">>,
  now = Date.now(),
): Date {
  const minutes = timeoutConfig?.maxLifetimeTimeoutMinutes ?? MAX_TUNNEL_LIFE_MINUTES;
  return new Date((createdAt?.getTime() ?? now) + minutes * 60_000);
}
