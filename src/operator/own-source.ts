import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HandshakeError, ReplacedError, TunnelError, UnreachableError } from "../base/errors.ts";
import { ClientToken } from "../base/secret.ts";
import type { Pong } from "../engine/output.ts";
import { LocalProxy } from "../proxy/local-proxy.ts";
import type { DataPlane, ProxyEnd } from "../proxy/options.ts";
import { ProcessSession } from "../proxy/process-session.ts";
import { waryEndpointsOf } from "../proxy/wary-endpoints.ts";
import type { HeldTunnel } from "./hold-tunnel.ts";
import { type TunnelEnd, throwIfFailed } from "./request.ts";
import { newerToken } from "./user-tokens.ts";
import type { UseOptions } from "./with-tunnel-options.ts";

/** A tunnel that ends cuts its streams short; an orderly stop, or the search for a newer token, comes before that is known. */
const END_MS = 4_000;

/** The source of a tunnel that this process holds. Runs until it is disposed of, or the tunnel has ended. */
export class OwnSource implements AsyncDisposable {
  /** Never rejected. The tunnel knows it by then. */
  readonly ended: Promise<TunnelEnd>;
  readonly #tunnel: HeldTunnel;
  readonly #service: string;
  readonly #proxy: LocalProxy;
  readonly #stop = new AbortController();
  readonly #connected = Promise.withResolvers<void>();

  constructor(
    tunnel: HeldTunnel,
    dataPlane: DataPlane,
    {
      request,
      env,
      log,
      onProxyEvent,
      board,
    }: Pick<UseOptions, "request" | "env" | "log" | "onProxyEvent" | "board">,
  ) {
    const { service, clientType, stallTimeoutMs, lingerMs, keepaliveMs, resumeTimeoutMs } = request;
    const { tunnelId } = tunnel;
    let { accessToken } = tunnel;
    // Whoever rotates the token beside us keeps it for this user, whose tunnel this is.
    const newerTokens = () => {
      const newer = newerToken({ tunnelId, mode: "source", accessToken }, env);
      if (newer !== undefined) accessToken = newer.accessToken;
      return newer;
    };
    this.#tunnel = tunnel;
    this.#service = service;
    this.#proxy = new LocalProxy({
      mode: "source",
      dataPlane,
      accessToken,
      newerTokens,
      clientToken: new ClientToken(randomUUID()),
      serviceMap: () => new Map([[service, undefined]]),
      clientType,
      stallTimeoutMs,
      lingerMs,
      keepaliveMs,
      continuity: ProcessSession.of(resumeTimeoutMs),
      waryEndpoints: waryEndpointsOf(env),
      log,
      onEvent: (event) => {
        board.observe(event);
        onProxyEvent(event);
        if (event.event === "connected") this.#connected.resolve();
      },
      signal: this.#stop.signal,
    });
    board.open({ id: tunnelId, mode: "source", tunnelId, services: [service] }, this.#proxy);
    this.ended = this.#run();
  }

  /** Resolved once it can carry. Throws what ended it before. */
  async carries(): Promise<void> {
    const end = await Promise.race([this.#connected.promise, this.ended]);
    if (end === undefined) return;
    throwIfFailed(end);
    throw new TunnelError("ERR_NOT_FOUND", `tunnel ${this.#tunnel.tunnelId} was closed`);
  }

  /** The round trip to the device; never rejected. */
  ping(isLoaded: boolean): Promise<Pong> {
    return this.#proxy.ping(this.#service, isLoaded);
  }

  /** Carries a socket, half-open and paused. */
  take(socket: Socket): void {
    this.#proxy.take(this.#service, socket);
  }

  /**
   * Carries a socket that knows no reset.
   * @returns what cut it short; undefined when it came to its end, or ended with its tunnel. Never rejected
   */
  async carry(socket: Socket): Promise<unknown> {
    const { promise: isWhole, resolve } = Promise.withResolvers<boolean>();
    socket.once("finish", () => resolve(true));
    socket.once("close", () => resolve(false));
    this.take(socket);
    if (await isWhole) return undefined;
    const end = await Promise.race([this.ended, sleep(END_MS, undefined, { ref: false })]);
    if (end !== undefined) return end.type === "taken" || end.type === "failed" ? end.error : undefined;
    return new UnreachableError("the tunnel lost this connection: the last bytes may be missing");
  }

  async #run(): Promise<TunnelEnd> {
    const end = await this.#proxy.run().then(endOf, failureOf);
    this.#tunnel.sourceEnd = end;
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }
}

function endOf(end: ProxyEnd): TunnelEnd {
  return { type: end === "tunnel-closed" ? "closed" : "stopped" };
}

function failureOf(error: unknown): TunnelEnd {
  const isTaken = error instanceof ReplacedError || error instanceof HandshakeError;
  return isTaken ? { type: "taken", error } : { type: "failed", error };
}
