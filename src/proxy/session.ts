import { setTimeout as sleep } from "node:timers/promises";
import { HandshakeError, ReplacedError, TunnelError, UnreachableError, UsageError } from "../base/errors.ts";
import { type BackoffLimits, backoffMs } from "../engine/backoff.ts";
import { DestinationEngine } from "../engine/destination.ts";
import type { EngineOptions } from "../engine/engine.ts";
import type { EngineEvent, Format } from "../engine/output.ts";
import { isFinalRefusal, saysTunnelEnded } from "../engine/retry.ts";
import { SourceEngine } from "../engine/source.ts";
import { isCertificateFailure } from "../net/failures.ts";
import { dial, formatAddress } from "../net/tcp.ts";
import { dialTunnel, type TunnelSocket } from "../net/tunnel-socket.ts";
import { Driver, type LinkEnd } from "./driver.ts";
import { Listeners } from "./listeners.ts";
import type { LocalConnection } from "./local-connection.ts";
import type { ProxyEnd, ProxyOptions, ServiceMap } from "./options.ts";

/** A proxy that never got through gives up after this: a wrong endpoint is more likely than an outage. */
const FIRST_CONNECT_MS = 15_000;
/** One that did get through goes on for the longest life of a tunnel. */
const RECONNECT_MS = 12 * 60 * 60 * 1_000;
/** Half a second doubling to half a minute: somebody waits for the shell to come back. */
const BACKOFF: BackoffLimits = { baseMs: 500, capMs: 30_000 };
/** A WebSocket that lived shorter counts as a failed attempt, so that accept-and-drop is not a tight loop. */
const STABLE_MS = 10_000;
/** Close code of a WebSocket that another one of the same side replaced (P8). */
const REPLACED = 1008;
/** Subprotocol that has no SERVICE_IDS message. */
const WITHOUT_SERVICE_IDS = "aws.iot.securetunneling-1.0";

/**
 * Runs one side of a tunnel until its signal stops it or the tunnel is over, through any number of WebSockets.
 * @throws TunnelError when it is refused, replaced, cannot get through, or its service map does not fit.
 */
export async function runProxy(options: ProxyOptions): Promise<ProxyEnd> {
  return new Session(options).run();
}

class Session {
  readonly #options: ProxyOptions;
  readonly #listeners = new Listeners();
  readonly #startedAt = performance.now();
  /** What the other side speaks as a WebSocket starts: as told, or 1 once found out; 2 is found out each time (P45). */
  #format: Format | undefined;
  #serviceMap: ServiceMap;
  #failures = 0;
  /** Whether a source has been able to carry. */
  #isCarrying = false;
  #lastConnectedAt: number | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#serviceMap = options.serviceMap;
    if (options.clientType !== undefined) this.#format = FORMATS[options.clientType];
    if (this.#format === 1 && options.serviceMap.size > 1) {
      throw new UsageError(
        "a peer of type V1 carries one service",
        "give one address, or another client type",
      );
    }
  }

  async run(): Promise<ProxyEnd> {
    const { signal } = this.#options;
    try {
      for (;;) {
        if (signal.aborted) return "stopped";
        const end = await this.#connectAndCarry();
        if (end !== undefined) return end;
      }
    } finally {
      this.#listeners.close();
    }
  }

  /** One WebSocket from dial to end, and the wait before the next one. */
  async #connectAndCarry(): Promise<ProxyEnd | undefined> {
    try {
      const socket = await dialTunnel(dialOptions(this.#options));
      const connectedAt = performance.now();
      this.#lastConnectedAt = connectedAt;
      const end = await this.#carry(socket);
      if (performance.now() - connectedAt >= STABLE_MS) this.#failures = 0;
      return await this.#afterLink(end);
    } catch (error) {
      if (this.#options.signal.aborted) return "stopped";
      if (!(error instanceof TunnelError)) throw error;
      return await this.#afterFailure(error);
    }
  }

  async #carry(socket: TunnelSocket): Promise<LinkEnd> {
    const { signal, log, mode, stallTimeoutMs, keepaliveMs, onProbe } = this.#options;
    const failed = Promise.withResolvers<LinkEnd>();
    const engine = this.#makeEngine(socket.subprotocol !== WITHOUT_SERVICE_IDS);
    const driver = new Driver({
      socket,
      engine,
      stallTimeoutMs,
      keepaliveMs,
      log,
      dial:
        mode === "destination"
          ? (serviceId) => this.#dial(serviceId, engine.entryOf(serviceId) ?? "")
          : undefined,
      onReady: (services) => {
        this.#options.onEvent({ event: "connected", channelId: socket.channelId, services });
        this.#onReady(driver, engine, services).catch((error) => failed.resolve({ type: "failed", error }));
      },
      onEngineEvent: (event) => this.#onEngineEvent(event),
      onOpened: (local) => this.#onOpened(local),
      onClosed: (local, why) => this.#onClosed(local, why),
    });
    const stop = () => driver.stop();
    signal.addEventListener("abort", stop, { once: true });
    onProbe?.(() => driver.status());
    try {
      const end = await Promise.race([driver.run(), failed.promise]);
      if (end.type === "failed") driver.stop();
      return end;
    } finally {
      onProbe?.(undefined);
      signal.removeEventListener("abort", stop);
      this.#listeners.hand(undefined);
    }
  }

  #makeEngine(hasServiceIds: boolean): SourceEngine | DestinationEngine {
    const { chooseServiceMap, lingerMs, mode } = this.#options;
    const options: EngineOptions = {
      entries: (services) => {
        if (chooseServiceMap !== undefined) this.#serviceMap = chooseServiceMap(services);
        return [...this.#serviceMap.keys()];
      },
      format: this.#format,
      hasServiceIds,
      lingerMs,
      random: Math.random,
    };
    return mode === "source" ? new SourceEngine(options) : new DestinationEngine(options);
  }

  async #onReady(
    driver: Driver,
    engine: SourceEngine | DestinationEngine,
    services: readonly string[],
  ): Promise<void> {
    const { mode, onCarrying } = this.#options;
    if (mode === "destination") return;
    if (onCarrying === undefined) await this.#listen(engine, services);
    if (driver.isOver) return; // the next WebSocket takes over what is parked
    this.#listeners.hand((serviceId, socket) => driver.accept(serviceId, socket));
    if (!this.#isCarrying) onCarrying?.((serviceId, socket) => this.#listeners.take(serviceId, socket));
    this.#isCarrying = true;
  }

  async #listen(engine: SourceEngine | DestinationEngine, services: readonly string[]): Promise<void> {
    const { onEvent, bind } = this.#options;
    for (const service of services) {
      const address = this.#serviceMap.get(engine.entryOf(service) ?? "");
      if (address === undefined) continue;
      const bound = address.type === "tcp" ? { ...address, host: address.host ?? bind } : address;
      const listener = await this.#listeners.open(service, bound);
      if (listener === undefined) continue;
      const port = listener.port === undefined ? {} : { port: listener.port };
      onEvent({ event: "listening", service, address: listener.address, ...port });
    }
  }

  #dial(service: string, entry: string) {
    const address = this.#serviceMap.get(entry);
    if (address === undefined) throw new Error(`no address for service map entry "${entry}"`);
    this.#options.log.debug(`dialling ${formatAddress(address)}`);
    const socket = dial(address, this.#options.bind);
    socket.once("connect", () => {
      const found =
        address.type === "unix"
          ? { address: address.path }
          : { address: socket.remoteAddress ?? "", port: socket.remotePort };
      this.#options.onEvent({ event: "dialled", service, ...found });
    });
    return socket;
  }

  async #afterLink(end: LinkEnd): Promise<ProxyEnd | undefined> {
    if (end.type === "stopped" || this.#options.signal.aborted) return "stopped";
    if (end.type === "failed") return this.#afterFailure(end.error);
    if (saysTunnelEnded(end.reason)) return "tunnel-closed";
    if (end.code === REPLACED) {
      throw new ReplacedError(
        `the service ended this connection: ${end.reason || "another local proxy took this side of the tunnel"}`,
        "only one local proxy a side can run; stop the other one, or get a new token with: tunnel rotate ID",
      );
    }
    const reason = end.error?.message ?? (end.reason || `WebSocket closed with code ${end.code}`);
    return this.#afterFailure(new UnreachableError(reason, { cause: end.error }));
  }

  /** Waits for the next attempt, or decides that there is none. */
  async #afterFailure(error: TunnelError): Promise<ProxyEnd | undefined> {
    if (error instanceof HandshakeError && isFinalRefusal(error)) return this.#afterRefusal(error);
    const isRetried =
      error.code === "ERR_UNREACHABLE" ||
      error.code === "ERR_HANDSHAKE_REJECTED" ||
      error.code === "ERR_PROTOCOL";
    if (!isRetried || this.#isTooLate(error)) throw error;
    const retryInMs = backoffMs(this.#failures++, Math.random(), BACKOFF);
    this.#options.onEvent({ event: "disconnected", reason: error.message, retryInMs });
    // An abort ends the wait early; the loop sees it.
    await sleep(retryInMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
    return undefined;
  }

  #afterRefusal(error: HandshakeError): ProxyEnd {
    if (this.#lastConnectedAt !== undefined && saysTunnelEnded(error.statusReason)) return "tunnel-closed";
    throw error;
  }

  #isTooLate(error: TunnelError): boolean {
    if (this.#lastConnectedAt !== undefined) return performance.now() - this.#lastConnectedAt > RECONNECT_MS;
    const { giveUpAfterMs } = this.#options;
    const triedMs = performance.now() - this.#startedAt;
    if (giveUpAfterMs !== undefined) return triedMs > giveUpAfterMs;
    if (isCertificateFailure(error.cause) || error.code === "ERR_PROTOCOL") return true;
    return triedMs > FIRST_CONNECT_MS;
  }

  #onEngineEvent(event: EngineEvent): void {
    const { log, onEvent } = this.#options;
    if (event.type === "dropped") log.debug(`dropped ${event.message}: ${event.why}`);
    if (event.type === "refused") {
      onEvent({
        event: "warning",
        message: `connection to service "${event.serviceId}" refused: ${event.why}`,
      });
    }
    if (event.type === "silent") {
      onEvent({
        event: "warning",
        message: `the destination has sent nothing for ${event.forMs / 1_000} s on service "${event.serviceId}"`,
        hint: "if its client is an older one, try --destination-client-type V1; if nothing is connected there, see: tunnel describe",
      });
    }
    if (event.type !== "format") return;
    if (event.known === 1) this.#format ??= 1;
    onEvent({
      event: "warning",
      message: `the destination speaks V${event.known} (${event.from}): one connection at a time for each service`,
      hint: `--destination-client-type V${event.known} says so from the start`,
    });
  }

  #onOpened(local: LocalConnection): void {
    const { serviceId: service, key: connectionId } = local.connection;
    const { remoteAddress, remotePort } = local.socket;
    const peer = remoteAddress === undefined ? {} : { peer: `${remoteAddress}:${remotePort}` };
    this.#options.onEvent({ event: "connection-opened", service, connectionId, ...peer });
  }

  #onClosed(local: LocalConnection, reason: string): void {
    const { serviceId: service, key: connectionId } = local.connection;
    const { bytesToTunnel, bytesFromTunnel } = local;
    this.#options.onEvent({
      event: "connection-closed",
      service,
      connectionId,
      reason,
      bytesToTunnel,
      bytesFromTunnel,
    });
  }
}

const FORMATS = { V1: 1, V2: 2, V3: 3 } as const;

function dialOptions({ dataPlane, mode, accessToken, clientToken, signal }: ProxyOptions) {
  return { ...dataPlane, mode, accessToken, clientToken, signal, userAgent: "tunnel" };
}
