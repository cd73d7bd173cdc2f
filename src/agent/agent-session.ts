import { HandshakeError, ReplacedError, TunnelError } from "../base/errors.ts";
import { MAX_TUNNEL_LIFE_MS } from "../protocol/constants.ts";
import { LocalProxy } from "../proxy/local-proxy.ts";
import type { ProxyEvent, ProxyOptions } from "../proxy/options.ts";
import type { StatusBoard } from "../proxy/status.ts";
import type { AgentEvent, SessionAudit, SessionEndReason } from "./agent-types.ts";
import type { SavedSession } from "./saved-sessions.ts";
import { sessionIdOf } from "./session-table.ts";

/** Reasons for which an agent itself ends a session. */
export type StopReason = Extract<SessionEndReason, "evicted" | "max-session" | "expired" | "agent-stopped">;

/** What one session is given: its tokens, its limits, and whom it tells. Times in milliseconds. */
export interface AgentSessionOptions {
  readonly thing: string;
  readonly saved: SavedSession;
  readonly maxSessionMs: number | undefined;
  /** Where it reports what it carries. */
  readonly board: StatusBoard | undefined;
  /** The proxy to run; tokens, events and signal are the session's own. */
  readonly proxy: Omit<
    ProxyOptions,
    "mode" | "accessToken" | "clientToken" | "giveUpAfterMs" | "onEvent" | "signal"
  >;
  readonly onEvent: (event: AgentEvent) => void;
  readonly onConnected: (isConnected: boolean) => void;
  /** A local connection ended, and none is left. */
  readonly onIdle: () => void;
}

/** One destination proxy, for one access token, with what it has carried. */
export class AgentSession {
  readonly id: string;
  readonly #options: AgentSessionOptions;
  readonly #stop = new AbortController();
  readonly #startedAt = Date.now();
  #stopReason: StopReason | undefined;
  readonly #proxy: LocalProxy;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    const { saved, proxy, thing, board } = options;
    this.id = sessionIdOf(saved.accessToken);
    this.#proxy = new LocalProxy({
      ...proxy,
      mode: "destination",
      accessToken: saved.accessToken,
      clientToken: saved.clientToken,
      giveUpAfterMs: MAX_TUNNEL_LIFE_MS,
      onEvent: (event) => this.#onProxyEvent(event),
      signal: this.#stop.signal,
    });
    board?.open({ id: this.id, mode: "destination", thing, services: saved.services }, this.#proxy);
  }

  /** Local connections that are open or being dialled now. */
  get openConnections(): number {
    return this.#proxy.facts.connections.length;
  }

  /** Ends it in an orderly way. */
  stop(reason: StopReason): void {
    this.#stopReason ??= reason;
    this.#stop.abort();
  }

  /** Carries until the service, the agent or a time limit ends it. Never rejects: a session's end is not an agent's. */
  async run(): Promise<SessionAudit> {
    const startedAt = performance.now();
    const { saved, maxSessionMs, thing, board } = this.#options;
    const lifeMs = Math.min(
      MAX_TUNNEL_LIFE_MS,
      Math.max(0, saved.receivedAt + MAX_TUNNEL_LIFE_MS - Date.now()),
    );
    const isLimited = maxSessionMs !== undefined && maxSessionMs < lifeMs;
    const timer = setTimeout(
      () => this.stop(isLimited ? "max-session" : "expired"),
      isLimited ? maxSessionMs : lifeMs,
    );
    const end = await this.#carry();
    board?.close(this.id);
    clearTimeout(timer);
    const { facts } = this.#proxy;
    return {
      session: this.id,
      thing,
      region: saved.region,
      services: saved.services,
      startedAt: new Date(this.#startedAt).toISOString(),
      durationMs: Math.round(performance.now() - startedAt),
      connections: facts.dialled,
      held: facts.held,
      resumed: facts.resumed,
      bytesToTunnel: facts.bytesToTunnel,
      bytesFromTunnel: facts.bytesFromTunnel,
      ...end,
      channelId: facts.channelId,
    };
  }

  async #carry(): Promise<Pick<SessionAudit, "reason" | "detail">> {
    try {
      const end = await this.#proxy.run();
      if (end === "tunnel-closed") return { reason: "tunnel-closed", detail: "the tunnel is over" };
      return { reason: this.#stopReason ?? "agent-stopped", detail: "" };
    } catch (error) {
      if (error instanceof HandshakeError) return { reason: "refused", detail: error.statusReason };
      const detail = error instanceof Error ? error.message : String(error);
      if (error instanceof ReplacedError) return { reason: "replaced", detail };
      if (!(error instanceof TunnelError)) {
        this.#options.proxy.log.error("a bug of tunnel: {detail}", { detail });
      }
      return { reason: "failed", detail };
    }
  }

  #onProxyEvent(event: ProxyEvent): void {
    const session = this.id;
    const { onEvent, onConnected, onIdle, board } = this.#options;
    board?.observe(event);
    switch (event.event) {
      case "connected":
        onConnected(true);
        return onEvent({ event: "session-connected", session, channelId: event.channelId });
      case "disconnected":
        onConnected(false);
        return onEvent({
          event: "session-disconnected",
          session,
          reason: event.reason,
          retryInMs: event.retryInMs,
          heldConnections: event.heldConnections,
        });
      case "connection-closed":
        onEvent({ ...event, session });
        if (this.openConnections === 0) onIdle();
        return;
      case "connection-opened":
      case "connections-held":
      case "connections-resumed":
      case "connections-lost":
      case "warning":
        return onEvent({ ...event, session });
      case "token-renewed":
      case "dialled":
      case "listening":
        return;
    }
  }
}
