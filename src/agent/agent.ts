import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClientToken } from "../base/secret.ts";
import { connectionShare } from "../proxy/descriptors.ts";
import type { AddressMap } from "../proxy/options.ts";
import { ProcessSession } from "../proxy/process-session.ts";
import { WARY_FILE, WaryEndpoints } from "../proxy/wary-endpoints.ts";
import { AgentSession } from "./agent-session.ts";
import type { AgentEvent, AgentOptions, SessionAudit, SessionEndReason } from "./agent-types.ts";
import { openBrokerStream } from "./broker-stream.ts";
import { StartLimit } from "./limits.ts";
import { keepSubscribed } from "./mqtt-client.ts";
import { judge, type Notification, type NotificationPolicy, readNotification } from "./notification.ts";
import { type SavedSession, SavedSessions } from "./saved-sessions.ts";
import { SessionTable, sessionIdOf } from "./session-table.ts";

/**
 * Credentials, the look-up of the broker and everything up to its stream may take this long together: each has a limit
 * of its own but the AWS credential chain, which waits for other programs.
 */
const OPEN_TIMEOUT_MS = 60_000;

/** Sessions that may start at once, in full tables: a fleet's operator opens many tunnels in one go. */
const START_BURST_TABLES = 4;
/** … and then one in this time, so that a flood of made-up tokens does not become a flood of handshakes. */
const START_EVERY_MS = 1_000;

/** The topic on which the service tells a device of its tunnels (P80). */
function notifyTopic(thing: string): string {
  return `$aws/things/${thing}/tunnels/notify`;
}

/**
 * Runs the device side of a thing's tunnels until its signal stops it: a destination session for each notification.
 * Whatever a broker, a service or a notification does ends at most one session.
 * @throws ConfigError when the state directory cannot be used, and TunnelError ERR_LIMIT while another agent uses it
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  return new Agent(options).run();
}

class Agent {
  readonly #options: AgentOptions;
  readonly #policy: NotificationPolicy;
  readonly #table: SessionTable;
  readonly #starts: StartLimit;
  readonly #saved: SavedSessions;
  readonly #sessions = new Map<string, AgentSession>();
  readonly #endings = new Set<Promise<void>>();
  /** One for all tunnels: after a rotation, another session goes on with the connections of the former one. */
  readonly #continuity: ProcessSession | undefined;
  readonly #wary: WaryEndpoints;
  #isDraining = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#policy = { regions: new Set(options.regions), services: new Set(options.serviceMap.keys()) };
    this.#table = new SessionTable(options.maxTunnels);
    this.#starts = new StartLimit(START_BURST_TABLES * options.maxTunnels, START_EVERY_MS);
    this.#saved = new SavedSessions(options.stateDirectory);
    this.#wary = new WaryEndpoints(join(options.stateDirectory, WARY_FILE), () => Date.now());
    this.#continuity = ProcessSession.of(options.resumeTimeoutMs, { isShared: true });
  }

  async run(): Promise<void> {
    const lock = this.#saved.lock();
    try {
      return await this.#serve();
    } finally {
      await this.#continuity?.close();
      lock.release();
    }
  }

  async #serve(): Promise<void> {
    this.#resume();
    const { thing, broker, clientId, signal, mqttKeepaliveS } = this.#options;
    const topic = notifyTopic(thing);
    let where = "";
    await keepSubscribed({
      topic,
      clientId,
      keepaliveS: mqttKeepaliveS,
      openLimitMs: OPEN_TIMEOUT_MS,
      open: async (aborted) => {
        const address = await broker.address(aborted);
        where = `${address.host}:${address.port}`;
        return openBrokerStream(address, broker.access, aborted);
      },
      onSubscribed: () => this.#emit({ event: "subscribed", topic, broker: where }),
      onMessage: (payload) => this.#onNotification(payload),
      onLost: ({ message, hint }, retryInMs) =>
        this.#emit({ event: "broker-lost", reason: message, hint, retryInMs }),
      random: Math.random,
      signal,
    });
    await this.#drain();
  }

  /** Goes on with what ran when the last process ended, by its own will or not (P85). */
  #resume(): void {
    for (const saved of this.#saved.load(Date.now(), this.#options.maxTunnels)) {
      const id = sessionIdOf(saved.accessToken);
      const fault = this.#whyNotResumed(saved);
      if (fault !== undefined) {
        this.#forget(id);
        this.#emit({ event: "warning", session: id, message: `a former session is not resumed: ${fault}` });
      } else if (this.#table.admit(id, performance.now()).type === "start") {
        this.#start(saved, true);
      }
    }
  }

  #whyNotResumed(saved: SavedSession): string | undefined {
    const result = judge(saved, this.#policy);
    if (result.type === "refused") return result.message;
    return saved.dataPlane === this.#dataPlaneName(saved.region)
      ? undefined
      : `it was for ${saved.dataPlane}`;
  }

  #dataPlaneName(region: string): string {
    const { host, port } = this.#options.dataPlaneOf(region);
    return `${host}:${port}`;
  }

  #onNotification(payload: Uint8Array): void {
    if (this.#isDraining) return;
    const result = readNotification(payload, this.#policy);
    if (result.type === "refused") {
      return this.#emit({ event: "notification-refused", reason: result.reason, message: result.message });
    }
    this.#admit(result.notification);
  }

  #admit(notification: Notification): void {
    const { maxTunnels } = this.#options;
    const id = sessionIdOf(notification.accessToken);
    const now = performance.now();
    if (this.#table.knows(id, now)) return this.#emit({ event: "notification-known", session: id });
    if (!this.#starts.take(now)) {
      const message = "too many new tunnels in a short time";
      return this.#emit({ event: "notification-refused", reason: "too-many", message });
    }
    const admission = this.#table.admit(id, now);
    if (admission.type === "full") {
      const message = `${maxTunnels} tunnels are connected, which is the limit; --max-tunnels raises it`;
      return this.#emit({ event: "notification-refused", reason: "full", message });
    }
    if (admission.type === "known") return;
    if (admission.evict !== undefined) this.#sessions.get(admission.evict)?.stop("evicted");
    const saved = {
      ...notification,
      clientToken: new ClientToken(randomUUID()),
      dataPlane: this.#dataPlaneName(notification.region),
      receivedAt: Date.now(),
    };
    this.#keep(saved);
    this.#start(saved, false);
  }

  /** Before it is first used: an access token whose client token is lost is spent. A full disk is no reason to refuse. */
  #keep(saved: SavedSession): void {
    try {
      this.#saved.save(saved);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#emit({ event: "warning", message: `the session would not survive a restart: ${reason}` });
    }
  }

  #forget(id: string): void {
    try {
      this.#saved.delete(id);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#emit({ event: "warning", session: id, message: `the ended session stays on disk: ${reason}` });
    }
  }

  #start(saved: SavedSession, isResumed: boolean): void {
    const { thing, maxSessionMs, dataPlaneOf, proxy, log, serviceMap } = this.#options;
    const { region, services } = saved;
    const id = sessionIdOf(saved.accessToken);
    const session = new AgentSession({
      thing,
      saved,
      board: this.#options.board,
      maxSessionMs,
      proxy: {
        ...proxy,
        continuity: this.#continuity,
        waryEndpoints: this.#wary,
        log,
        serviceMap: () => only(services, serviceMap),
        dataPlane: dataPlaneOf(region),
        maxConnections: connectionShare(this.#options.maxTunnels),
      },
      onEvent: (event) => this.#emit(event),
      onConnected: (isConnected) => this.#table.setConnected(id, isConnected),
      onIdle: () => {
        if (this.#isDraining) session.stop("agent-stopped");
      },
    });
    this.#sessions.set(id, session);
    this.#emit({ event: "session-started", session: id, region, services, isResumed });
    const ending: Promise<void> = session
      .run()
      .then((audit) => this.#ended(audit))
      .finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  #ended(audit: SessionAudit): void {
    const { session } = audit;
    this.#sessions.delete(session);
    this.#table.ended(session, performance.now());
    if (!isResumable(audit.reason)) this.#forget(session);
    this.#emit({ event: "session-ended", ...audit });
  }

  /** Lets open connections come to their end within the grace period, then ends everything. */
  async #drain(): Promise<void> {
    this.#isDraining = true;
    const sessions = [...this.#sessions.values()];
    const connections = sessions.reduce((sum, { openConnections }) => sum + openConnections, 0);
    if (connections > 0) this.#emit({ event: "draining", connections });
    for (const session of sessions) if (session.openConnections === 0) session.stop("agent-stopped");
    const over = new AbortController();
    const grace = sleep(this.#options.graceMs, undefined, { signal: over.signal })
      .then(() => {
        for (const session of this.#sessions.values()) session.stop("agent-stopped");
      })
      .catch(() => undefined);
    await Promise.all(this.#endings);
    over.abort();
    await grace;
  }

  #emit(event: AgentEvent): void {
    this.#options.onEvent(event);
  }
}

/** A session that only this process ended is taken up by the next one. */
function isResumable(reason: SessionEndReason): boolean {
  return reason === "agent-stopped";
}

function only(services: readonly string[], map: AddressMap): AddressMap {
  return new Map([...map].filter(([service]) => services.includes(service)));
}
