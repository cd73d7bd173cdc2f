import { randomUUID } from "node:crypto";
import { UsageError } from "../base/errors.ts";
import { getLogger } from "../base/log.ts";
import { AccessToken, ClientToken } from "../base/secret.ts";
import { ACCESS_TOKEN_PATTERN, CLIENT_TOKEN_PATTERN } from "../protocol/constants.ts";
import type { ProxyFacts } from "../proxy/facts.ts";
import { LocalProxy } from "../proxy/local-proxy.ts";
import type { ClientType, ProxyEnd, ProxyEvent, Side } from "../proxy/options.ts";
import { type CarryingOptions, carryingOf } from "./carrying.ts";
import { type DataPlaneChoice, dataPlaneOf } from "./places.ts";
import { Running } from "./running.ts";
import { addressesOf, type ServiceAddresses } from "./services.ts";

/** What `openProxy` is told. */
export interface ProxySessionOptions extends DataPlaneChoice, CarryingOptions {
  /** `source`: the operator's side, which listens. `destination`: the device's side, which dials. */
  readonly mode: Side;
  /** The access token of this side, as OpenTunnel or RotateTunnelAccessToken gave it. */
  readonly accessToken: string;
  /**
   * Lets its holder use the access token again: 32 to 128 letters, digits and "-". One is made when it is absent, so that
   * a lost link can be made anew; give it again to open a second session with the same access token.
   */
  readonly clientToken?: string | undefined;
  readonly services: ServiceAddresses;
  /** Protocol of the other side; found out when absent. */
  readonly clientType?: ClientType | undefined;
  /**
   * How long to keep trying before the first connection, in milliseconds, whatever the reason. Absent: 15,000, and not at
   * all after a failure that trying again seldom heals.
   */
  readonly connectTimeoutMs?: number | undefined;
  /** Ends the session in an orderly way. */
  readonly signal?: AbortSignal | undefined;
}

/** Events by name, each with its one argument; `event` is the one for all of them. */
export type ProxySessionEvents = {
  [Name in ProxyEvent["event"]]: [event: Extract<ProxyEvent, { event: Name }>];
} & { event: [event: ProxyEvent] };

/** Where a service listens: an IP address and a port, or the path of a Unix socket alone. */
export interface ListeningAddress {
  readonly address: string;
  readonly port?: number | undefined;
}

/** One side of a tunnel, through as many WebSockets as it takes. Made by `openProxy`. */
export class ProxySession extends Running<ProxySessionEvents, ProxyEnd> {
  readonly mode: Side;
  /** The client token in use. It is a credential. */
  readonly clientToken: string;
  /** Where services listen, by their id; empty at a destination. */
  readonly listening: ReadonlyMap<string, ListeningAddress>;
  readonly #proxy: () => LocalProxy | undefined;

  /** @throws UsageError, ConfigError for options that cannot be used */
  constructor(options: ProxySessionOptions) {
    const serviceMap = addressesOf(options.services, options.mode);
    const tokens = tokensOf(options);
    const settings = {
      ...carryingOf(options),
      ...tokens,
      mode: options.mode,
      dataPlane: dataPlaneOf(options),
      serviceMap: () => serviceMap,
      clientType: options.clientType,
      giveUpAfterMs: options.connectTimeoutMs,
      log: getLogger("proxy"),
    };
    const listening = new Map<string, ListeningAddress>();
    let proxy: LocalProxy | undefined;
    super((signal) => {
      const onEvent = (event: ProxyEvent) => {
        if (event.event === "listening") listening.set(event.service, addressOf(event));
        this.tell(event);
      };
      proxy = new LocalProxy({ ...settings, onEvent, signal });
      return proxy.run();
    }, options.signal);
    this.#proxy = () => proxy;
    this.mode = options.mode;
    this.clientToken = tokens.clientToken.reveal();
    this.listening = listening;
  }

  /** What it carries and has carried; undefined before it began. Times in milliseconds, amounts in bytes. */
  get facts(): ProxyFacts | undefined {
    return this.#proxy()?.facts;
  }

  /**
   * The TCP port that a service listens on.
   * @param service may be left out where there is only one
   * @throws UsageError when that service does not listen on a port
   */
  port(service?: string): number {
    const [only, ...others] = this.listening.keys();
    const name = service ?? (others.length === 0 ? only : undefined);
    const port = name === undefined ? undefined : this.listening.get(name)?.port;
    if (port !== undefined) return port;
    const known = [...this.listening].filter(([, { port: its }]) => its !== undefined).map(([id]) => id);
    throw new UsageError(
      `no port of service "${service ?? ""}"; these listen on one: ${known.join(", ") || "none"}`,
    );
  }
}

function addressOf({ address, port }: ListeningAddress): ListeningAddress {
  return port === undefined ? { address } : { address, port };
}

/** A message never shows a token, not even one that cannot be one. */
function tokensOf({ accessToken, clientToken = randomUUID() }: ProxySessionOptions) {
  if (!ACCESS_TOKEN_PATTERN.test(accessToken)) {
    throw new UsageError("accessToken is no access token: 1 to 4096 printable characters without spaces");
  }
  if (!CLIENT_TOKEN_PATTERN.test(clientToken)) {
    throw new UsageError("clientToken is no client token: 32 to 128 letters, digits and “-”");
  }
  return { accessToken: new AccessToken(accessToken), clientToken: new ClientToken(clientToken) };
}
