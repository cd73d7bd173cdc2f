import { addAbortListener } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HandshakeError, ReplacedError, TunnelError, UnreachableError } from "../base/errors.ts";
import { type BackoffLimits, backoffMs } from "../engine/backoff.ts";
import type { CarrierOptions } from "../engine/carrier-options.ts";
import type { CarrierEnd, EngineEvent, Format, Pong } from "../engine/output.ts";
import { judgeRefusal, saysTunnelEnded } from "../engine/refusal.ts";
import { isCertificateFailure } from "../net/failures.ts";
import { dial, formatAddress } from "../net/tcp.ts";
import { dialTunnel, type TunnelSocket } from "../net/tunnel-socket.ts";
import { MAX_TUNNEL_LIFE_MS } from "../protocol/constants.ts";
import { ContinuityTrial } from "./continuity-trial.ts";
import { connectionShare } from "./descriptors.ts";
import { Driver } from "./driver.ts";
import { type ProxyFacts, ProxyRecord } from "./facts.ts";
import { Listeners } from "./listeners.ts";
import { findNewer } from "./newer-tokens.ts";
import type { ProxyEnd, ProxyEvent, ProxyOptions, ServiceMap, TokenPair } from "./options.ts";
import { dialOptions, FORMATS } from "./options.ts";
import { PingDesk } from "./ping-desk.ts";
import { closedEvent, eventOf, openedEvent } from "./proxy-events.ts";

/** A proxy that never got through gives up after this: a wrong endpoint is more likely than an outage. */
const FIRST_CONNECT_MS = 15_000;
/** Half a second doubling to half a minute: somebody waits for the shell to come back. */
const BACKOFF: BackoffLimits = { baseMs: 500, capMs: 30_000 };
/** Where connections wait for it. */
const HELD_BACKOFF: BackoffLimits = { baseMs: 250, capMs: 5_000 };
/** A WebSocket that lived shorter counts as a failed attempt, so that accept-and-drop is not a tight loop. */
const STABLE_MS = 10_000;
/** Close code of a WebSocket that another one of the same side replaced (P8). */
const REPLACED = 1008;
/** The service ends a WebSocket as soon as its token is rotated, before whoever rotated it has the new one. */
const ROTATION_MS = 3_000;
/** Subprotocol that has no SERVICE_IDS message. */
const WITHOUT_SERVICE_IDS = "aws.iot.securetunneling-1.0";

/** One side of a tunnel, through any number of WebSockets. */
export class LocalProxy {
  readonly #options: ProxyOptions;
  readonly #record = new ProxyRecord();
  readonly #listeners = new Listeners();
  readonly #trial: ContinuityTrial;
  readonly #pings = new PingDesk(() => this.#record.driver);
  readonly #startedAt = performance.now();
  /** What the other side speaks as a WebSocket starts: as told, or 1 once found out; 2 is found out each time (P45). */
  #format: Format | undefined;
  #serviceMap: ServiceMap = new Map();
  /** Drivers whose last local sockets still write out what they have. */
  readonly #releasing = new Set<Driver>();
  /** What it connects with: as told, or a newer pair that was found since. */
  #tokens: TokenPair;
  #failures = 0;
  #lastConnectedAt: number | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#record.releasing = this.#releasing;
    this.#record.session = options.continuity;
    this.#tokens = options;
    this.#trial = new ContinuityTrial(options);
    if (options.clientType !== undefined) this.#format = FORMATS[options.clientType];
  }

  /** What it carries and has carried, for people and reports. */
  get facts(): ProxyFacts {
    return this.#record.facts;
  }

  /**
   * Runs until its signal stops it or the tunnel is over. No socket of its own is left then.
   * @throws TunnelError when it is refused, replaced, cannot get through, or its service map does not fit
   */
  async run(): Promise<ProxyEnd> {
    let end: ProxyEnd | undefined;
    try {
      while (end === undefined) end = await this.#connectAndCarry();
      return end;
    } finally {
      this.#listeners.close();
      // Another proxy of the process may take over what is held here, as after a rotation of the token (P100).
      const isToBeLeft = this.#options.continuity?.isShared === true && end === undefined;
      if (!isToBeLeft) await this.#release();
    }
  }

  async #release(): Promise<void> {
    for (const driver of this.#releasing) driver.stop();
    await Promise.all([...this.#releasing].map(({ released }) => released));
  }

  /** Source: carries a connected socket, half-open and paused; while the link is down it waits. */
  take(service: string, socket: Socket): void {
    this.#listeners.take(service, socket);
  }

  /** Source: the round trip to the other end of a service, beside load if told so; see PingDesk. */
  ping(service: string, isLoaded: boolean): Promise<Pong> {
    return this.#pings.ask(service, isLoaded);
  }

  /** One WebSocket from dial to end, and the wait before the next one. */
  async #connectAndCarry(): Promise<ProxyEnd | undefined> {
    if (this.#options.signal.aborted) return "stopped";
    try {
      const onSlow = (message: string) => this.#emit({ event: "warning", message });
      const socket = await dialTunnel({ ...dialOptions(this.#options, this.#tokens), onSlow });
      const connectedAt = performance.now();
      this.#onOpened();
      this.#lastConnectedAt = connectedAt;
      const end = await this.#carry(socket);
      this.#trial.ended(end);
      if (performance.now() - connectedAt >= STABLE_MS) this.#failures = 0;
      return await this.#afterLink(end);
    } catch (error) {
      if (this.#options.signal.aborted) return "stopped";
      if (!(error instanceof TunnelError)) throw error;
      return await this.#afterFailure(error);
    }
  }

  /** Nobody takes up what is held, once continuity is off. */
  #onOpened(): void {
    const message = this.#trial.opened();
    if (message === undefined) return;
    this.#emit({ event: "warning", message });
    for (const driver of this.#releasing) driver.stop();
  }

  async #carry(socket: TunnelSocket): Promise<CarrierEnd> {
    const { signal, log } = this.#options;
    const failed = Promise.withResolvers<CarrierEnd>();
    const driver: Driver = new Driver({
      socket,
      carrier: this.#carrierOptions(socket.subprotocol !== WITHOUT_SERVICE_IDS),
      homes: this.#options.continuity?.homes,
      log,
      dial: (service, entry) => this.#dial(service, entry),
      addressOf: (entry) => {
        const address = this.#serviceMap.get(entry);
        return address && formatAddress(address);
      },
      onReady: (services) => {
        this.#emit({ event: "connected", channelId: socket.channelId, services });
        this.#onReady(driver, services).catch((error) => failed.resolve({ type: "failed", error }));
      },
      onEvent: (event) => this.#onEngineEvent(event, driver.isOver),
      onOpened: (local) => this.#emit(openedEvent(local)),
      onClosed: (local, why) => this.#emit(closedEvent(local, why)),
    });
    using _ = addAbortListener(signal, () => driver.stop());
    this.#record.driver = driver;
    try {
      const end = await Promise.race([driver.run(), failed.promise]);
      if (!driver.isOver && end.type === "failed") driver.stop();
      return end;
    } finally {
      this.#listeners.deliverTo(undefined);
      this.#pings.over();
      this.#await(driver);
    }
  }

  #await(driver: Driver): void {
    this.#releasing.add(driver);
    void driver.released.then(() => this.#releasing.delete(driver));
  }

  #carrierOptions(hasServiceIds: boolean): CarrierOptions {
    const { mode, serviceMap, lingerMs, stallTimeoutMs, keepaliveMs } = this.#options;
    return {
      side: mode,
      entries: (services) => {
        this.#serviceMap = serviceMap(services);
        return [...this.#serviceMap.keys()];
      },
      format: this.#format,
      hasServiceIds,
      lingerMs,
      stallTimeoutMs,
      keepaliveMs,
      continuity: this.#trial.nextSession(),
      maxConnections: this.#options.maxConnections ?? connectionShare(1),
      random: Math.random,
    };
  }

  async #onReady(driver: Driver, services: readonly string[]): Promise<void> {
    if (this.#options.mode === "destination") return;
    for (const service of services) await this.#listen(service, driver.entryOf(service) ?? "");
    if (driver.isOver) return; // the next WebSocket takes over what is parked
    this.#listeners.deliverTo((serviceId, socket) => driver.accept(serviceId, socket));
  }

  async #listen(service: string, entry: string): Promise<void> {
    const { bind } = this.#options;
    const address = this.#serviceMap.get(entry);
    if (address === undefined) return;
    const bound = address.type === "tcp" ? { ...address, host: address.host ?? bind } : address;
    const listener = await this.#listeners.open(service, bound);
    if (listener === undefined) return;
    const port = listener.port === undefined ? {} : { port: listener.port };
    this.#emit({ event: "listening", service, address: listener.address, ...port });
  }

  #dial(service: string, entry: string): Socket {
    const address = this.#serviceMap.get(entry);
    if (address === undefined) throw new Error(`no address for service map entry "${entry}"`);
    this.#options.log.debug(`dialling ${formatAddress(address)}`);
    const socket = dial(address, this.#options.bind);
    socket.once("connect", () => {
      const found =
        address.type === "unix"
          ? { address: address.path }
          : { address: socket.remoteAddress ?? "", port: socket.remotePort };
      this.#emit({ event: "dialled", service, ...found });
    });
    return socket;
  }

  async #afterLink(end: CarrierEnd): Promise<ProxyEnd | undefined> {
    if (end.type === "stopped" || this.#options.signal.aborted) return "stopped";
    if (end.type === "failed") return this.#afterFailure(end.error);
    if (saysTunnelEnded(end.reason)) return "tunnel-closed";
    if (end.code === REPLACED) {
      return this.#afterRefusal(
        new ReplacedError(
          end.reason || "another local proxy took this side of the tunnel",
          "only one local proxy a side can run; stop the other one, or get a new token with: tunnel rotate ID",
        ),
      );
    }
    const reason = end.error?.message ?? (end.reason || `WebSocket closed with code ${end.code}`);
    return this.#afterFailure(new UnreachableError(reason, { cause: end.error }));
  }

  /** Waits for the next attempt, or decides that there is none. */
  async #afterFailure(error: TunnelError): Promise<ProxyEnd | undefined> {
    if (error instanceof HandshakeError) return this.#afterRefusal(error);
    const isRetried = error.code === "ERR_UNREACHABLE" || error.code === "ERR_PROTOCOL";
    if (!isRetried || this.#isTooLate(error)) throw error;
    const { heldConnections } = this.#record.facts;
    const retryInMs = backoffMs(
      this.#failures++,
      Math.random(),
      heldConnections > 0 ? HELD_BACKOFF : BACKOFF,
    );
    this.#emit({ event: "disconnected", reason: error.message, retryInMs, heldConnections, error });
    // An abort ends the wait early; the loop sees it.
    await sleep(retryInMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
    return undefined;
  }

  /** Its token is of no use: the tunnel is over, or there is a newer one to go on with, or that was all. */
  async #afterRefusal(error: HandshakeError | ReplacedError): Promise<ProxyEnd | undefined> {
    const wasConnected = this.#lastConnectedAt !== undefined;
    this.#trial.refused();
    const isOver = error instanceof HandshakeError && judgeRefusal(error) === "tunnel-over";
    if (isOver && wasConnected) return "tunnel-closed";
    const { newerTokens, signal } = this.#options;
    if (isOver || newerTokens === undefined) throw error;
    const newer = await findNewer(() => newerTokens(), wasConnected ? ROTATION_MS : 0, signal);
    if (signal.aborted) return "stopped";
    if (newer === undefined) throw error;
    this.#tokens = newer;
    const { heldConnections } = this.#record.facts;
    this.#emit({ event: "token-renewed", reason: error.message, heldConnections });
    return undefined;
  }

  #isTooLate(error: TunnelError): boolean {
    // One that did get through goes on for as long as its tunnel may live.
    if (this.#lastConnectedAt !== undefined) {
      return performance.now() - this.#lastConnectedAt > MAX_TUNNEL_LIFE_MS;
    }
    const { giveUpAfterMs } = this.#options;
    const triedMs = performance.now() - this.#startedAt;
    if (giveUpAfterMs !== undefined) return triedMs > giveUpAfterMs;
    if (isCertificateFailure(error.cause) || error.code === "ERR_PROTOCOL") return true;
    return triedMs > FIRST_CONNECT_MS;
  }

  #onEngineEvent(event: EngineEvent, isLinkDown: boolean): void {
    if (event.type === "format" && event.known === 1) this.#format ??= 1;
    if (event.type === "dropped") return this.#options.log.debug(`dropped ${event.message}: ${event.why}`);
    // Once the WebSocket is over, its end has answered.
    if (event.type === "pong") return isLinkDown ? undefined : this.#pings.tell(event);
    this.#emit(eventOf(event, isLinkDown));
  }

  #emit(event: ProxyEvent): void {
    this.#record.observe(event);
    this.#options.onEvent(event);
  }
}
