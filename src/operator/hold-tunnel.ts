import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Tunnel } from "@aws-sdk/client-iotsecuretunneling";
import type { ControlPlane } from "../aws/control-plane.ts";
import { ServiceError } from "../base/errors.ts";
import { AccessToken } from "../base/secret.ts";
import { connectTags, ownerName } from "./connect-tags.ts";
import { orAborted } from "./or-aborted.ts";
import { type Picked, pickTunnel } from "./pick-tunnel.ts";
import type { TunnelEnd } from "./request.ts";
import { endOf } from "./tunnel-end.ts";
import { tidyTokens } from "./user-tokens.ts";
import type { UseOptions } from "./with-tunnel.ts";

/** Tunnels of one thing that are looked at for reuse. */
const MAX_CANDIDATES = 20;
/** How long an interrupted OpenTunnel is still waited for, since what it opens has to be closed. */
const ABANDONED_OPEN_MS = 10_000;

interface HeldFacts {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  readonly accessToken: AccessToken;
  readonly isReused: boolean;
  /** It is ours to close. */
  readonly isToBeClosed: boolean;
}

/** A tunnel to use as the source; closed in the end, if that is ours to do. */
export class HeldTunnel implements AsyncDisposable {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  readonly accessToken: AccessToken;
  readonly isReused: boolean;
  readonly controlPlane: ControlPlane;
  /** How its source ended; absent while there was none. */
  sourceEnd: TunnelEnd | undefined;
  readonly #isToBeClosed: boolean;
  readonly #onEvent: UseOptions["onEvent"];

  constructor(facts: HeldFacts, controlPlane: ControlPlane, onEvent: UseOptions["onEvent"]) {
    this.tunnelId = facts.tunnelId;
    this.expiresAt = facts.expiresAt;
    this.accessToken = facts.accessToken;
    this.isReused = facts.isReused;
    this.controlPlane = controlPlane;
    this.#isToBeClosed = facts.isToBeClosed;
    this.#onEvent = onEvent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.sourceEnd?.type === "closed") return;
    const { tunnelId } = this;
    const why = this.#whyLeftOpen() ?? (await this.#close());
    this.#onEvent(why === undefined ? { event: "closed", tunnelId } : { event: "left-open", tunnelId, why });
  }

  #whyLeftOpen(): string | undefined {
    if (this.#isToBeClosed) return this.sourceEnd?.type === "taken" ? "somebody else uses it now" : undefined;
    return this.isReused ? "it was open before" : "--keep";
  }

  /** Why it could not be closed. */
  async #close(): Promise<string | undefined> {
    try {
      await this.controlPlane.closeTunnel({ tunnelId: this.tunnelId });
      return undefined;
    } catch (error) {
      return `it could not be closed: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

/** A tunnel with a source token of its own: one that is open already, else a new one. */
export async function holdTunnel(controlPlane: ControlPlane, options: UseOptions): Promise<HeldTunnel> {
  const { request, signal, onEvent } = options;
  onEvent({ event: "waiting", for: "the list of tunnels" });
  const known = await orAborted(candidates(controlPlane, request.thing), signal);
  const picked = pickTunnel(known, request, ownerName(), Date.now());
  const facts = await (picked === undefined
    ? open(controlPlane, options)
    : takeUp(picked, controlPlane, options));
  return new HeldTunnel(facts, controlPlane, onEvent);
}

/** Open tunnels of the thing; none without permission to look. */
async function candidates(controlPlane: ControlPlane, thing: string): Promise<Tunnel[]> {
  try {
    const summaries = await controlPlane.listTunnels({ thingName: thing, max: 100 });
    const open = summaries.filter(({ status }) => status === "OPEN").slice(0, MAX_CANDIDATES);
    return await Promise.all(open.map(({ tunnelId = "" }) => controlPlane.describeTunnel(tunnelId)));
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
): Promise<HeldFacts> {
  const { tunnelId = "" } = tunnel;
  const expiresAt = endOf(tunnel);
  const rotation = controlPlane.rotateTunnelAccessToken({ tunnelId, clientMode: "SOURCE" });
  const { sourceAccessToken = "" } = await orAborted(rotation, signal);
  tidyTokens(env, log, (store) => store.delete(tunnelId, "source"));
  onEvent({ event: "reused", tunnelId, expiresAt, why });
  const isToBeClosed = why === "left-over" && !request.keep;
  const accessToken = new AccessToken(sourceAccessToken);
  return { tunnelId, expiresAt, accessToken, isReused: true, isToBeClosed };
}

async function open(
  controlPlane: ControlPlane,
  { request, signal, onEvent }: UseOptions,
): Promise<HeldFacts> {
  const { thing, service, lifetimeMinutes, keep } = request;
  onEvent({ event: "waiting", for: "a new tunnel" });
  const timeoutConfig = { maxLifetimeTimeoutMinutes: lifetimeMinutes };
  const opening = controlPlane.openTunnel({
    description: `tunnel connect on ${hostname()}`.slice(0, 128),
    destinationConfig: { thingName: thing, services: [service] },
    tags: connectTags(ownerName(), keep),
    ...(lifetimeMinutes === undefined ? {} : { timeoutConfig }),
  });
  const { tunnelId = "", sourceAccessToken = "" } = await evenIfAborted(opening, signal);
  const expiresAt = endOf({ timeoutConfig });
  onEvent({ event: "opened", tunnelId, expiresAt });
  const accessToken = new AccessToken(sourceAccessToken);
  return { tunnelId, expiresAt, accessToken, isReused: false, isToBeClosed: !keep };
}

/** The promise, for which an aborted signal leaves some more time only. */
async function evenIfAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await orAborted(promise, signal);
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
