import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlane } from "../../aws/control-plane.ts";
import type { Tunnel } from "../../aws/shapes.ts";
import { HandshakeError, ReplacedError, ServiceError, TunnelError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { AccessToken, ClientToken } from "../../base/secret.ts";
import { LocalProxy } from "../../proxy/local-proxy.ts";
import type { DataPlane, ProxyEvent } from "../../proxy/options.ts";
import type { StatusBoard } from "../../proxy/status.ts";
import { awaitDevice } from "./await-device.ts";
import { connectTags } from "./connect-tags.ts";
import { endOf, pickTunnel } from "./pick-tunnel.ts";
import type { ConnectEvent, ConnectRequest } from "./request.ts";

/** Tunnels of one thing that are looked at for reuse. */
const MAX_CANDIDATES = 20;
/** A device that was notified of a reused tunnel long ago comes back by itself within this time, or not at all. */
const REUSED_WAIT_MS = 2_000;
/** How long an interrupted OpenTunnel is still waited for, since what it opens has to be closed. */
const ABANDONED_OPEN_MS = 10_000;

export interface OwnTunnelOptions {
  readonly request: ConnectRequest;
  readonly controlPlane: ControlPlane;
  readonly dataPlane: DataPlane;
  /** Name of this user and machine, for the tags. */
  readonly owner: string;
  /** What to do when the device does not come. */
  readonly hint: string;
  readonly log: Logger;
  /** Removes a token that was kept for a tunnel and has just been replaced. */
  readonly forgetToken: (tunnelId: string, mode: "source" | "destination") => void;
  readonly onEvent: (event: ConnectEvent) => void;
  readonly onProxyEvent: (event: ProxyEvent) => void;
  /** Where the source tells how it goes, for whoever watches. */
  readonly board: StatusBoard;
  readonly signal: AbortSignal;
}

/** A tunnel to use as the source. */
interface Held {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  readonly accessToken: AccessToken;
  readonly isReused: boolean;
  /** It is ours to close. */
  readonly isToBeClosed: boolean;
}

/** The tunnel that this process opened or took up, with its source, from start to close. */
export class OwnTunnel {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  /** As TunnelUse has it. */
  readonly over: Promise<void>;
  readonly #options: OwnTunnelOptions;
  readonly #held: Held;
  readonly #stop = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #carrying = Promise.withResolvers<LocalProxy>();
  #running: Promise<void> | undefined;
  #isEnded = false;
  #isTaken = false;

  private constructor(options: OwnTunnelOptions, held: Held) {
    this.#options = options;
    this.#held = held;
    this.tunnelId = held.tunnelId;
    this.expiresAt = held.expiresAt;
    this.over = this.#over.promise;
    this.over.catch(() => {}); // whoever waits for it is told
    this.#carrying.promise.catch(() => {});
  }

  /**
   * Reuses or opens a tunnel, waits for its device, and starts the source.
   * Whatever ends this early, what was opened is closed again.
   */
  static async start(options: OwnTunnelOptions): Promise<OwnTunnel> {
    const tunnel = new OwnTunnel(options, await hold(options));
    try {
      options.signal.throwIfAborted();
      await tunnel.#awaitDevice();
      options.onEvent({ event: "waiting", for: "the service" });
      await orAborted(tunnel.#carry(), options.signal);
      return tunnel;
    } catch (error) {
      await tunnel.close();
      throw error;
    }
  }

  /** Carries a socket, half-open and paused. */
  async handTo(): Promise<(socket: Socket) => void> {
    const proxy = await this.#carrying.promise;
    return (socket) => proxy.take(this.#options.request.service, socket);
  }

  /** Stops the source, and closes the tunnel if that is ours to do. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const { tunnelId } = this;
    const { controlPlane, onEvent } = this.#options;
    if (this.#isEnded) return;
    const { isReused, isToBeClosed } = this.#held;
    const why = isReused ? "it was open before" : "--keep";
    if (!isToBeClosed) return onEvent({ event: "left-open", tunnelId, why });
    if (this.#isTaken) return onEvent({ event: "left-open", tunnelId, why: "somebody else uses it now" });
    try {
      await controlPlane.closeTunnel({ tunnelId });
      onEvent({ event: "closed", tunnelId });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      onEvent({ event: "left-open", tunnelId, why: `it could not be closed: ${why}` });
    }
  }

  async #awaitDevice(): Promise<void> {
    const { request, controlPlane, signal, onEvent, hint } = this.#options;
    const { tunnelId } = this;
    await awaitDevice({
      thing: request.thing,
      firstWaitMs: this.#held.isReused ? Math.min(REUSED_WAIT_MS, request.waitMs) : request.waitMs,
      waitMs: request.waitMs,
      describe: () => orAborted(controlPlane.describeTunnel(tunnelId), signal),
      notify: (tunnel) => orAborted(this.#notify(tunnel), signal),
      onWaiting: (what) => onEvent({ event: "waiting", for: what }),
      hint,
      signal,
    });
  }

  async #notify({ destinationConfig }: Tunnel): Promise<void> {
    const { controlPlane, forgetToken, onEvent } = this.#options;
    const { tunnelId } = this;
    await controlPlane.rotateTunnelAccessToken({ tunnelId, clientMode: "DESTINATION", destinationConfig });
    forgetToken(tunnelId, "destination");
    onEvent({ event: "rotated", mode: "destination" });
  }

  /** Starts the source; resolved when it can carry. */
  async #carry(): Promise<void> {
    const { request, dataPlane, log, onProxyEvent, board } = this.#options;
    const { tunnelId } = this;
    const { service, clientType, stallTimeoutMs, lingerMs, keepaliveMs } = request;
    const proxy = new LocalProxy({
      mode: "source",
      dataPlane,
      accessToken: this.#held.accessToken,
      clientToken: new ClientToken(randomUUID()),
      serviceMap: () => new Map([[service, undefined]]),
      clientType,
      stallTimeoutMs,
      lingerMs,
      keepaliveMs,
      log,
      onEvent: (event) => {
        board.observe(event);
        onProxyEvent(event);
        if (event.event === "connected") this.#carrying.resolve(proxy);
      },
      signal: this.#stop.signal,
    });
    board.open({ id: tunnelId, mode: "source", tunnelId, services: [service] }, proxy);
    this.#running = proxy.run().then(
      (end) => this.#onEnd(end === "tunnel-closed"),
      (error) => this.#onFailure(error),
    );
    await Promise.race([this.#carrying.promise, this.over.then(() => this.#carrying.promise)]);
  }

  #onEnd(isClosed: boolean): void {
    this.#isEnded = isClosed;
    this.#over.resolve();
    this.#carrying.reject(new TunnelError("ERR_NOT_FOUND", `tunnel ${this.tunnelId} was closed`));
  }

  /** Replaced or revoked: somebody else has this side of the tunnel now, and is not to be disturbed. */
  #onFailure(error: unknown): void {
    this.#isTaken = error instanceof ReplacedError || error instanceof HandshakeError;
    this.#over.reject(error);
    this.#carrying.reject(error);
  }
}

/** A tunnel with a source token of its own: one that is open already, else a new one. */
async function hold(options: OwnTunnelOptions): Promise<Held> {
  const { request, controlPlane, owner, signal, onEvent, forgetToken } = options;
  onEvent({ event: "waiting", for: "the list of tunnels" });
  const picked = pickTunnel(
    await orAborted(candidates(controlPlane, request.thing), signal),
    request,
    owner,
    Date.now(),
  );
  if (picked === undefined) return open(options);
  const { tunnelId } = picked.tunnel;
  const expiresAt = endOf(picked.tunnel);
  const { why } = picked;
  const rotation = controlPlane.rotateTunnelAccessToken({ tunnelId, clientMode: "SOURCE" });
  const { sourceAccessToken } = await orAborted(rotation, signal);
  forgetToken(tunnelId, "source");
  onEvent({ event: "reused", tunnelId, expiresAt, why });
  const isToBeClosed = why === "left-over" && !request.keep;
  return {
    tunnelId,
    expiresAt,
    accessToken: new AccessToken(sourceAccessToken),
    isReused: true,
    isToBeClosed,
  };
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

async function open({ request, controlPlane, owner, signal, onEvent }: OwnTunnelOptions): Promise<Held> {
  const { thing, service, lifetimeMinutes, keep } = request;
  onEvent({ event: "waiting", for: "a new tunnel" });
  const answer = await evenIfAborted(
    controlPlane.openTunnel({
      description: `tunnel connect on ${hostname()}`.slice(0, 128),
      destinationConfig: { thingName: thing, services: [service] },
      tags: connectTags(owner, keep),
      ...(lifetimeMinutes === undefined
        ? {}
        : { timeoutConfig: { maxLifetimeTimeoutMinutes: lifetimeMinutes } }),
    }),
    signal,
  );
  const { tunnelId, sourceAccessToken } = answer;
  const timeoutConfig = { maxLifetimeTimeoutMinutes: lifetimeMinutes };
  const expiresAt = endOf({ createdAt: new Date(), timeoutConfig });
  onEvent({ event: "opened", tunnelId, expiresAt });
  const accessToken = new AccessToken(sourceAccessToken);
  return { tunnelId, expiresAt, accessToken, isReused: false, isToBeClosed: !keep };
}

/** The promise, or the signal's reason as soon as it is aborted. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  promise.catch(() => {}); // after an abort nobody listens
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
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
