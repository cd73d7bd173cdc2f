import { setTimeout as sleep } from "node:timers/promises";
import type { Tunnel } from "../aws/shapes.ts";
import { untilAborted } from "../base/abort.ts";
import { TunnelError } from "../base/errors.ts";
import { describeIfAllowed } from "./describe-if-allowed.ts";
import type { HeldTunnel } from "./hold-tunnel.ts";
import { isDestinationConnected } from "./pick-tunnel.ts";
import { tidyTokens } from "./user-tokens.ts";
import type { UseOptions } from "./with-tunnel-options.ts";

/** How often the service is asked, at first and later: a device that is there comes within half a second. */
const FIRST_POLL_MS = 100;
const MAX_POLL_MS = 1_000;
/** A device that was notified of a reused tunnel long ago comes back by itself within this time, or not at all. */
const REUSED_WAIT_MS = 2_000;

/**
 * Waits until the tunnel's destination is connected. One that stays away is notified once more. Without permission to
 * describe the tunnel there is nothing to wait for.
 * @throws TunnelError ERR_NO_DEVICE when it does not come, ERR_NOT_FOUND when the tunnel ends meanwhile
 */
export async function awaitDevice(tunnel: HeldTunnel, options: UseOptions): Promise<void> {
  const { request, onEvent, hint } = options;
  const { thing, waitMs } = request;
  const firstWaitMs = tunnel.isReused ? Math.min(REUSED_WAIT_MS, waitMs) : waitMs;
  if ((await pollUntil(tunnel, options, 0)) === "connected") return;
  onEvent({ event: "waiting", for: `${thing} to connect` });
  const later = await pollUntil(tunnel, options, firstWaitMs);
  if (later === "connected") return;
  await notify(tunnel, later, options);
  onEvent({ event: "waiting", for: `${thing} to connect, told a second time` });
  if ((await pollUntil(tunnel, options, waitMs)) === "connected") return;
  const seconds = Math.round((firstWaitMs + waitMs) / 1_000);
  const message = `${thing} did not connect in ${seconds} s, though it was notified twice`;
  throw new TunnelError("ERR_NO_DEVICE", message, { hint });
}

/** Has the device notified again, with the tunnel's destination configuration. */
async function notify(
  { tunnelId, controlPlane }: HeldTunnel,
  { destinationConfig }: Tunnel,
  { signal, env, log, onEvent }: UseOptions,
): Promise<void> {
  const rotation = { tunnelId, clientMode: "DESTINATION", destinationConfig } as const;
  await untilAborted(signal, controlPlane.rotateTunnelAccessToken(rotation));
  tidyTokens(env, log, (store) => store.delete(tunnelId, "destination"));
  onEvent({ event: "rotated", mode: "destination" });
}

/** Asks until the destination is connected or the time is over, at least once. */
async function pollUntil(
  held: HeldTunnel,
  { signal }: UseOptions,
  waitMs: number,
): Promise<Tunnel | "connected"> {
  const end = performance.now() + waitMs;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.5, MAX_POLL_MS)) {
    signal.throwIfAborted();
    const tunnel = await untilAborted(signal, describeIfAllowed(held.tunnelId, held.controlPlane));
    if (tunnel === undefined || isDestinationConnected(tunnel)) return "connected";
    if (tunnel.status === "CLOSED") {
      throw new TunnelError("ERR_NOT_FOUND", `tunnel ${tunnel.tunnelId} was closed`);
    }
    const left = end - performance.now();
    if (left <= 0) return tunnel;
    await sleep(Math.min(pollMs, left), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
