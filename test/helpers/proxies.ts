// Emulator and local proxies inside the test's own process, for tests that look at bytes rather than at commands.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { getLogger } from "../../src/base/log.ts";
import { type AccessToken, ClientToken } from "../../src/base/secret.ts";
import { type RunningEmulator, serve } from "../../src/emulator/server/serve.ts";
import { LocalProxy } from "../../src/proxy/local-proxy.ts";
import type { ProxyEnd, ProxyEvent, ProxyOptions, Side } from "../../src/proxy/options.ts";
import { parseServiceMap } from "../../src/proxy/service-map.ts";
import { within } from "./wait.ts";

export interface TestEmulator extends AsyncDisposable {
  readonly running: RunningEmulator;
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  /** Opens a tunnel with these services. */
  open(services: readonly string[]): TestTunnel;
}

export interface TestTunnel {
  readonly tunnelId: string;
  readonly tokens: Readonly<Record<Side, AccessToken>>;
}

export async function startEmulator(): Promise<TestEmulator> {
  const running = await serve({
    listen: { host: "127.0.0.1", port: 0 },
    state: { type: "ephemeral" },
    region: "us-east-1",
    accountId: "000000000000",
    hosts: [],
    allowOrigins: [],
  });
  const { hostname, port } = new URL(running.endpoint.controlPlane);
  return {
    running,
    host: hostname,
    port: Number(port),
    ca: readFileSync(running.endpoint.ca, "utf8"),
    open(services) {
      const destinationConfig = services.length === 0 ? undefined : { services: [...services] };
      const { tunnel, tokens } = running.tunnels.open({ destinationConfig });
      return { tunnelId: tunnel.tunnelId, tokens };
    },
    [Symbol.asyncDispose]: () => running.close(),
  };
}

/** A local proxy in this process, with everything it has told. */
export class TestProxy implements AsyncDisposable {
  readonly events: ProxyEvent[] = [];
  readonly ended: Promise<ProxyEnd>;
  readonly #stop = new AbortController();
  #wake = Promise.withResolvers<void>();

  constructor(options: Omit<ProxyOptions, "signal" | "onEvent" | "log">) {
    this.ended = new LocalProxy({
      ...options,
      log: getLogger("test"),
      signal: this.#stop.signal,
      onEvent: (event) => {
        this.events.push(event);
        this.#wake.resolve();
      },
    }).run();
    this.ended.catch(() => this.#wake.resolve()); // whoever waits for it is told
  }

  /** The first event of this kind, told before or after this call, that `accept` takes. */
  async waitFor<Kind extends ProxyEvent["event"]>(
    kind: Kind,
    accept: (event: Extract<ProxyEvent, { event: Kind }>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<Extract<ProxyEvent, { event: Kind }>> {
    type Wanted = Extract<ProxyEvent, { event: Kind }>;
    const isWanted = (event: ProxyEvent): event is Wanted => event.event === kind && accept(event as Wanted);
    const search = async (): Promise<Wanted> => {
      for (;;) {
        const found = this.events.find(isWanted);
        if (found !== undefined) return found;
        this.#wake = Promise.withResolvers<void>();
        await this.#wake.promise;
      }
    };
    return within(`event ${kind} of a proxy`, search(), timeoutMs);
  }

  /** The port on which the source listens for a service. */
  async portOf(service: string): Promise<number> {
    const { port } = await this.waitFor("listening", (event) => event.service === service);
    if (port === undefined) throw new Error(`service ${service} listens on no port`);
    return port;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended.catch(() => {}); // a failed proxy has stopped too
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts one side of a tunnel; `map` is the text of -p or -d. */
export function startProxy(
  emulator: Pick<TestEmulator, "host" | "port" | "ca">,
  mode: Side,
  token: AccessToken,
  map: string,
  options: Partial<ProxyOptions> = {},
): TestProxy {
  return new TestProxy({
    mode,
    dataPlane: { host: emulator.host, port: emulator.port, ca: [emulator.ca] },
    accessToken: token,
    clientToken: new ClientToken(randomUUID()),
    serviceMap: () => parseServiceMap(map, mode),
    stallTimeoutMs: 10_000,
    lingerMs: 1_000,
    keepaliveMs: 10_000,
    ...options,
  });
}

/** A connected socket to a port of this machine, half-open at its end. */
export async function dialLocal(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

/** Everything a socket gives until its end. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What a promise is rejected with. The runner's own `rejects` blocks what the promise waits for. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await within("a failure", promise);
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
