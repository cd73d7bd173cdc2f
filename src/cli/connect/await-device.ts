import { setTimeout as sleep } from "node:timers/promises";
import type { Tunnel } from "../../aws/shapes.ts";
import { ServiceError, TunnelError } from "../../base/errors.ts";
import { isDestinationConnected } from "./pick-tunnel.ts";

/** How often the service is asked, at first and later: a device that is there comes within half a second. */
const FIRST_POLL_MS = 100;
const MAX_POLL_MS = 1_000;

export interface DeviceWait {
  readonly thing: string;
  /** After the notification that is under way. */
  readonly firstWaitMs: number;
  /** After the second notification. */
  readonly waitMs: number;
  readonly describe: () => Promise<Tunnel>;
  /** Has the device notified again, with the tunnel's destination configuration. */
  readonly notify: (tunnel: Tunnel) => Promise<void>;
  readonly onWaiting: (what: string) => void;
  readonly hint: string;
  readonly signal: AbortSignal;
}

/**
 * Waits until the tunnel's destination is connected. One that stays away is notified once more. Without permission to
 * describe the tunnel there is nothing to wait for.
 * @throws TunnelError ERR_NO_DEVICE when it does not come, ERR_NOT_FOUND when the tunnel ends meanwhile
 */
export async function awaitDevice(wait: DeviceWait): Promise<void> {
  const { thing, firstWaitMs, waitMs, onWaiting } = wait;
  const tunnel = await pollUntil(wait, 0);
  if (tunnel === "connected") return;
  onWaiting(`${thing} to connect`);
  const later = await pollUntil(wait, firstWaitMs);
  if (later === "connected") return;
  await wait.notify(later);
  onWaiting(`${thing} to connect, told a second time`);
  const last = await pollUntil(wait, waitMs);
  if (last !== "connected") throw noDevice(wait);
}

/** Asks until the destination is connected or the time is over, at least once. */
async function pollUntil({ describe, signal }: DeviceWait, waitMs: number): Promise<Tunnel | "connected"> {
  const end = performance.now() + waitMs;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.5, MAX_POLL_MS)) {
    signal.throwIfAborted();
    const tunnel = await describeIfAllowed(describe);
    if (tunnel === undefined || isDestinationConnected(tunnel)) return "connected";
    if (tunnel.status === "CLOSED")
      throw new TunnelError("ERR_NOT_FOUND", `tunnel ${tunnel.tunnelId} was closed`);
    const left = end - performance.now();
    if (left <= 0) return tunnel;
    await sleep(Math.min(pollMs, left), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function describeIfAllowed(describe: () => Promise<Tunnel>): Promise<Tunnel | undefined> {
  try {
    return await describe();
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ERR_DENIED") return undefined;
    throw error;
  }
}

function noDevice({ thing, firstWaitMs, waitMs, hint }: DeviceWait): TunnelError {
  const seconds = Math.round((firstWaitMs + waitMs) / 1_000);
  return new TunnelError(
    "ERR_NO_DEVICE",
    `${thing} did not connect in ${seconds} s, though it was notified twice`,
    { hint },
  );
}
