import type { DestinationConfig, Tag } from "../../aws/shapes.ts";
import { escapeControl } from "../../base/escape.ts";
import type { Logger } from "../../base/log.ts";
import type { AccessToken } from "../../base/secret.ts";
import { MAX_TUNNEL_LIFE_MINUTES } from "../../protocol/constants.ts";
import type { Side } from "../relay/relay.ts";
import type { ListedTunnel, ListFilter, Store, TunnelRecord } from "../store/store.ts";
import { type Admission, type AdmissionRequest, admit, issueToken } from "./admission.ts";
import { tunnelArn, tunnelIdOf } from "./arn.ts";
import { limitFault, notFoundFault } from "./fault.ts";
import { asOf, closeTunnel, endDueTunnels, MAX_OPEN_TUNNELS } from "./lifetime.ts";
import { checkServices } from "./service-rules.ts";
import { mergeTags, removeTags } from "./tags.ts";
import type { RandomBytes } from "./tokens.ts";
import { noticeOf, type TunnelEvent } from "./tunnel-event.ts";

const MINUTE_MS = 60_000;

/** The access tokens made by one call, each readable this once. */
export type IssuedTokens = Readonly<Partial<Record<Side, AccessToken>>>;

/** Whose tunnels they are, and what a pure object needs of its surroundings. */
interface TunnelsOptions {
  readonly store: Store;
  readonly region: string;
  readonly accountId: string;
  readonly now: () => number;
  /** By how many milliseconds the clock behind `now` was set since the last call. */
  readonly takeStep: () => number;
  readonly random: RandomBytes;
  /** A UUID, as the service's tunnel ids are. */
  readonly createId: () => string;
  readonly log: Logger;
}

/**
 * The life of all tunnels: opened, connected, rotated, closed or expired, forgotten. Every change is in the store,
 * durably, before the method returns; after a restart only the connections are gone. Methods throw Fault.
 */
export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #listeners = new Set<(event: TunnelEvent) => void>();
  /** By how much the stored times are still behind a clock that was set. */
  #stepMs = 0;
  #isBehind = false;

  constructor(options: TunnelsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#log = options.log;
    this.#forgetConnections();
  }

  open(request: {
    readonly description?: string | undefined;
    readonly tags?: readonly Tag[] | undefined;
    readonly destinationConfig?: DestinationConfig | undefined;
    readonly lifetimeMinutes?: number | undefined;
  }): { readonly tunnel: TunnelRecord; readonly tokens: Readonly<Record<Side, AccessToken>> } {
    this.tick();
    checkServices(request.destinationConfig);
    const now = this.#options.now();
    const { region, accountId, createId } = this.#options;
    const tunnelId = createId();
    const lifetimeMinutes = request.lifetimeMinutes ?? MAX_TUNNEL_LIFE_MINUTES;
    const disconnected = { isConnected: false, changedAt: now };
    const tunnel: TunnelRecord = {
      tunnelId,
      tunnelArn: tunnelArn(region, accountId, tunnelId),
      status: "OPEN",
      description: request.description,
      thingName: request.destinationConfig?.thingName,
      services: request.destinationConfig?.services,
      lifetimeMinutes,
      tags: mergeTags([], request.tags ?? []),
      createdAt: now,
      lastUpdatedAt: now,
      dueAt: now + lifetimeMinutes * MINUTE_MS,
      source: disconnected,
      destination: disconnected,
    };
    const tokens = this.#store.transaction(() => {
      if (this.#store.countTunnels("OPEN") >= MAX_OPEN_TUNNELS) {
        throw limitFault(`${MAX_OPEN_TUNNELS} tunnels are open; close some first`);
      }
      this.#store.saveTunnel(tunnel);
      return {
        source: this.#issueToken(tunnelId, "source"),
        destination: this.#issueToken(tunnelId, "destination"),
      };
    });
    this.#emit({ type: "opened", ...noticeOf(tunnel), destinationAccessToken: tokens.destination });
    return { tunnel, tokens };
  }

  /**
   * Revokes the access tokens of `modes` and issues new ones; the lifetime stays. A destination configuration takes
   * the place of the stored one (ours: the service does not say); without a thing name the stored name stays. A
   * closed tunnel answers as one that does not exist: rotation models no other exception, so clients know only that.
   */
  rotate(request: {
    readonly tunnelId: string;
    readonly modes: readonly Side[];
    readonly destinationConfig?: DestinationConfig | undefined;
  }): { readonly tunnel: TunnelRecord; readonly tokens: IssuedTokens } {
    this.tick();
    const { modes, destinationConfig } = request;
    checkServices(destinationConfig);
    const stored = this.describe(request.tunnelId);
    if (stored.status === "CLOSED") throw notFoundFault(`Tunnel ${stored.tunnelId} is closed`);
    const tunnel: TunnelRecord = {
      ...stored,
      thingName: destinationConfig?.thingName ?? stored.thingName,
      services: destinationConfig?.services ?? stored.services,
      lastUpdatedAt: this.#options.now(),
    };
    const tokens: IssuedTokens = this.#store.transaction(() => {
      this.#store.saveTunnel(tunnel);
      return Object.fromEntries(modes.map((mode) => [mode, this.#issueToken(tunnel.tunnelId, mode)]));
    });
    this.#emit({ type: "rotated", ...noticeOf(tunnel), modes, destinationAccessToken: tokens.destination });
    return { tunnel, tokens };
  }

  /** The tunnel, open or closed and not yet forgotten. */
  describe(tunnelId: string): TunnelRecord {
    this.tick();
    const tunnel = this.#store.findTunnel(tunnelId);
    if (tunnel === undefined) throw notFoundFault(`Tunnel ${tunnelId} does not exist`);
    return asOf(this.#options.now(), tunnel);
  }

  /** Newest first, at most `limit`, created before the tunnel with the sequence `before`. */
  list(filter: ListFilter): ListedTunnel[] {
    this.tick();
    const now = this.#options.now();
    return this.#store
      .listTunnels(filter)
      .map(({ sequence, tunnel }) => ({ sequence, tunnel: asOf(now, tunnel) }));
  }

  /**
   * Ends the tunnel for good. It stays visible as CLOSED for three hours, or goes at once with `isDeleted`. Closing
   * a closed tunnel changes nothing and is no error, so that clients may repeat the call.
   */
  close(tunnelId: string, options: { readonly isDeleted: boolean }): void {
    const tunnel = this.describe(tunnelId);
    if (options.isDeleted) {
      this.#store.transaction(() => this.#store.removeTunnel(tunnelId));
      this.#emit({ type: "closed", tunnelId, reason: "deleted" });
    } else if (tunnel.status === "OPEN") {
      this.#store.transaction(() => closeTunnel(this.#store, tunnel, this.#options.now()));
      this.#emit({ type: "closed", tunnelId, reason: "closed" });
    }
  }

  /** Ends the lifetime of an open tunnel now. */
  expire(tunnelId: string): void {
    const tunnel = this.describe(tunnelId);
    if (tunnel.status !== "OPEN") return;
    this.#save({ ...tunnel, dueAt: this.#options.now() });
    this.tick();
  }

  /** Tags of a tunnel, open or closed (the service does not say; a closed tunnel is still a resource). */
  tagsOf(arn: string): readonly Tag[] {
    return this.#findByArn(arn).tags;
  }

  tag(arn: string, tags: readonly Tag[]): void {
    const tunnel = this.#findByArn(arn);
    this.#save({ ...tunnel, tags: mergeTags(tunnel.tags, tags) });
  }

  untag(arn: string, keys: readonly string[]): void {
    const tunnel = this.#findByArn(arn);
    this.#save({ ...tunnel, tags: removeTags(tunnel.tags, keys) });
  }

  /**
   * Decides over one WebSocket handshake that is right in every other way, and uses up the access token or binds the
   * client token to it. A client token serves one access token among all open tunnels.
   */
  admit(request: AdmissionRequest): Admission {
    this.tick();
    return this.#store.transaction(() => admit(this.#store, request, this.#options.now()));
  }

  /** A local proxy is connected on this side. */
  connected(tunnelId: string, mode: Side): void {
    this.#setConnected(tunnelId, mode, true);
  }

  /** No local proxy is connected on this side any more; not for one that another has replaced. */
  disconnected(tunnelId: string, mode: Side): void {
    this.#setConnected(tunnelId, mode, false);
  }

  /** Calls `listener` for every event from now on; the function returned ends that. */
  onEvent(listener: (event: TunnelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** When tick has something to do, in milliseconds since 1970; in the past when it could not; undefined without tunnels. */
  deadline(): number | undefined {
    return this.#store.nextDueAt();
  }

  /**
   * Closes the tunnels whose lifetime is over and forgets those closed long ago. Every method begins with it. When that
   * cannot be written, as on a full disk, it is told once and tried again, and nothing else depends on it.
   */
  tick(): void {
    this.#followClock();
    try {
      endDueTunnels(this.#store, this.#options.now(), (tunnelId) =>
        this.#emit({ type: "closed", tunnelId, reason: "expired" }),
      );
      this.#isBehind = false;
    } catch (error) {
      if (!this.#isBehind) this.#log.error("expired tunnels could not be closed: {error}", { error });
      this.#isBehind = true;
    }
  }

  /** A clock that is set makes no tunnel older or younger: the stored times follow it. */
  #followClock(): void {
    const step = this.#options.takeStep();
    this.#stepMs += step;
    if (this.#stepMs === 0) return;
    this.#store.transaction(() => this.#store.shiftTimes(this.#stepMs));
    const seconds = Math.round(this.#stepMs / 1_000);
    this.#log.warn("the clock was set by {seconds} s: the times of all tunnels follow it", { seconds });
    this.#stepMs = 0;
  }

  /** The former access token of this side, if any, is worth nothing from now on; its client token is free again. */
  #issueToken(tunnelId: string, mode: Side): AccessToken {
    return issueToken(this.#store, { tunnelId, mode, random: this.#options.random });
  }

  #findByArn(arn: string): TunnelRecord {
    this.tick();
    const tunnel = this.#store.findTunnel(tunnelIdOf(arn));
    if (tunnel === undefined || tunnel.tunnelArn !== arn) {
      throw notFoundFault(`Resource ${escapeControl(arn)} does not exist`);
    }
    return tunnel;
  }

  /** What is told of connections is of use, but nothing depends on it: a store that fails here fails no connection. */
  #setConnected(tunnelId: string, mode: Side, isConnected: boolean): void {
    try {
      const tunnel = this.#store.findTunnel(tunnelId);
      if (tunnel?.status !== "OPEN" || tunnel[mode].isConnected === isConnected) return;
      const now = this.#options.now();
      this.#save({ ...tunnel, [mode]: { isConnected, changedAt: now }, lastUpdatedAt: now });
    } catch (error) {
      this.#log.error("could not note the connection state of tunnel {tunnelId}: {error}", {
        tunnelId,
        error,
      });
    }
  }

  /** Connections of a former process ended with it. */
  #forgetConnections(): void {
    for (const tunnel of this.#store.connectedTunnels()) {
      this.#setConnected(tunnel.tunnelId, "source", false);
      this.#setConnected(tunnel.tunnelId, "destination", false);
    }
  }

  #save(tunnel: TunnelRecord): void {
    this.#store.transaction(() => this.#store.saveTunnel(tunnel));
  }

  /** The change is made and acknowledged: a listener that fails must not undo the answer. */
  #emit(event: TunnelEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error("a listener failed on {type} of tunnel {tunnelId}: {error}", { ...event, error });
      }
    }
  }
}
