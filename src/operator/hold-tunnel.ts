import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlane } from "../aws/control-plane.ts";
import type { Tunnel } from "../aws/shapes.ts";
import { untilAborted } from "../base/abort.ts";
import { ServiceError } from "../base/errors.ts";
import { AccessToken } from "../base/secret.ts";
import { connectTags, ownerName } from "./connect-tags.ts";
import { type Picked, pickTunnel } from "./pick-tunnel.ts";
import type { TunnelEnd } from "./request.ts";
import { endOf } from "./tunnel-end.ts";
import { tidyTokens } from "./user-tokens.ts";
import type { UseOptions } from "./with-tunnel-options.ts";

/** Tunnels of one thing that are looked at for reuse. */
const MAX_CANDIDATES = 20;
/** How long an interrupted OpenTunnel is still waited for, since what it opens has to be closed. */
const ABANDONED_OPEN_MS = 10_000;

/** What was opened or taken up. */
interface Found {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  readonly accessToken: AccessToken;
  readonly isReused: boolean;
  /** It is ours to close. */
  readonly isToBeClosed: boolean;
}

/** A tunnel to use as the source. Disposed of, it is closed if that is ours to do. */
export interface HeldTunnel extends Found, AsyncDisposable {
  readonly controlPlane: ControlPlane;
  /** How its source ended; absent while there was none. */
  sourceEnd?: TunnelEnd;
}

async function letGo(tunnel: HeldTunnel, onEvent: UseOptions["onEvent"]): Promise<void> {
  if (tunnel.sourceEnd?.type === "closed") return;
  const { tunnelId } = tunnel;
  const why = whyLeftOpen(tunnel) ?? (await close(tunnel));
  onEvent(why === undefined ? { event: "closed", tunnelId } : { event: "left-open", tunnelId, why });
}

function whyLeftOpen({ isToBeClosed, isReused, sourceEnd }: HeldTunnel): string | undefined {
  if (isToBeClosed) return sourceEnd?.type === "taken" ? "somebody else uses it now" : undefined;
  return isReused ? "it was open before" : "--keep";
}

/** Why it could not be closed. */
async function close({ tunnelId, controlPlane }: HeldTunnel): Promise<string | undefined> {
  try {
    await controlPlane.closeTunnel({ tunnelId });
    return undefined;
  } catch (error) {
    return `it could not be closed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A tunnel with a source token of its own: one that is open already, else a new one. */
export async function holdTunnel(controlPlane: ControlPlane, options: UseOptions): Promise<HeldTunnel> {
  const { request, signal, onEvent } = options;
  onEvent({ event: "waiting", for: "the list of tunnels" });
  const known = await untilAborted(signal, candidates(controlPlane, request.thing));
  const picked = pickTunnel(known, request, ownerName(), Date.now());
  const found = await (picked === undefined
    ? open(controlPlane, options)
    : takeUp(picked, controlPlane, options));
  const tunnel: HeldTunnel = {
    ...found,
    controlPlane,
    [Symbol.asyncDispose]: () => letGo(tunnel, onEvent),
  };
  return tunnel;
}

/** Open tunnels of the thing; none without permission to look. */
async function candidates(controlPlane: ControlPlane, thing: string): Promise<Tunnel[]> {
  try {
    const summaries = await controlPlane.listTunnels({ thingName: thing, max: 100 });
    const open = summaries.filter(({ status }) => status === "OPEN").slice(0, MAX_CANDIDATES);
    return await Promise.all(open.map(({ tunnelId }) => controlPlane.describeTunnel(tunnelId)));
  } catch (error) {
    const isHarmless = error instanceof ServiceError && /^ERR_(DENIED|NOT_FOUND)$/.test(error.code);
    if (isHarmless) return [];
    throw error;
  }
}

async function takeUp(
  { tunnel, why }: Picked,
  controlPlane: ControlPlane,
  { request, signal, onEvent, env, log }: UseOptions,
): Promise<Found> {
  const { tunnelId } = tunnel;
  const expiresAt = endOf(tunnel);
  const rotation = controlPlane.rotateTunnelAccessToken({ tunnelId, clientMode: "SOURCE" });
  const { sourceAccessToken } = await untilAborted(signal, rotation);
  tidyTokens(env, log, (store) => store.delete(tunnelId, "source"));
  onEvent({ event: "reused", tunnelId, expiresAt, why });
  const isToBeClosed = why === "left-over" && !request.keep;
  const accessToken = new AccessToken(sourceAccessToken);
  return { tunnelId, expiresAt, accessToken, isReused: true, isToBeClosed };
}

async function open(controlPlane: ControlPlane, { request, signal, onEvent }: UseOptions): Promise<Found> {
  const { thing, service, lifetimeMinutes, keep } = request;
  onEvent({ event: "waiting", for: "a new tunnel" });
  const timeoutConfig = { maxLifetimeTimeoutMinutes: lifetimeMinutes };
  const opening = controlPlane.openTunnel({
    description: `tunnel connect on ${hostname()}`.slice(0, 128),
    destinationConfig: { thingName: thing, services: [service] },
    tags: connectTags(ownerName(), keep),
    ...(lifetimeMinutes === undefined ? {} : { timeoutConfig }),
  });
  const { tunnelId, sourceAccessToken } = await evenIfAborted(opening, signal);
  const expiresAt = endOf({ timeoutConfig });
  onEvent({ event: "opened", tunnelId, expiresAt });
  const accessToken = new AccessToken(sourceAccessToken);
  return { tunnelId, expiresAt, accessToken, isReused: false, isToBeClosed: !keep };
}

/** The promise, for which an aborted signal leaves some more time only. */
async function evenIfAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await untilAborted(signal, promise);
  } catch (error) {
    if (!signal.aborted) throw error;
    const answer = await Promise.race([
      promise.catch(() => undefined),
      sleep(ABANDONED_OPEN_MS, undefined, { ref: false }),
    ]);
    if (answer === undefined) throw error;
    return answer;
  }
}
