import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { runAgent } from "../agent/agent.ts";
import type { AgentEvent } from "../agent/agent-types.ts";
import { UsageError } from "../base/errors.ts";
import { stateHome } from "../base/home.ts";
import { getLogger } from "../base/log.ts";
import { isApiName } from "../base/names.ts";
import { type CarryingOptions, carryingOf } from "./carrying.ts";
import { type DataPlaneChoice, dataPlaneOf, type ServerAddress, throughWebProxy } from "./places.ts";
import { Running } from "./running.ts";
import { addressesOf, type ServiceAddresses } from "./services.ts";

/** An MQTT broker over TLS and the device's identity there. */
export interface BrokerIdentity extends ServerAddress {
  /** PEM certificate of the device. */
  readonly certificate: string;
  /** PEM private key of the device. It is a credential. */
  readonly privateKey: string;
}

/** What `startAgent` is told. */
export interface AgentSessionOptions extends DataPlaneChoice, CarryingOptions {
  /** Name of the thing that this device is. */
  readonly thing: string;
  /** The thing's region; tunnels of other regions are refused. */
  readonly region: string;
  /** Where the device's services are reached. Nothing else is ever dialled, whatever a notification says. */
  readonly services: ServiceAddresses;
  readonly broker: BrokerIdentity;
  /** MQTT client id, 128 bytes at most; one with random digits when absent. */
  readonly clientId?: string | undefined;
  /** Where running sessions are kept for the next start; absent: a directory of the thing among this user's state. */
  readonly stateDirectory?: string | undefined;
  /** Tunnels at once; 20 by default. When full, the oldest that is not connected makes room. */
  readonly maxTunnels?: number | undefined;
  /** How long one session may last, in milliseconds; absent: the life of its tunnel. */
  readonly maxSessionMs?: number | undefined;
  /** How long open connections may go on once it is closed, in milliseconds; 0 by default. */
  readonly graceMs?: number | undefined;
  /** Ends the agent in an orderly way. */
  readonly signal?: AbortSignal | undefined;
}

/** Events by name, each with its one argument; `event` is the one for all of them. */
export type AgentSessionEvents = {
  [Name in AgentEvent["event"]]: [event: Extract<AgentEvent, { event: Name }>];
} & { event: [event: AgentEvent] };

/** Part of a thing's name that leaves room for the rest in the 128 bytes of a client id. */
const MAX_NAME_IN_ID = 100;
/** In whole seconds; AWS IoT takes 30 s to 20 min. */
const KEEPALIVE_S = 30;
const MAX_TUNNELS = 20;

/** The device side of all tunnels of a thing. Made by `startAgent`. */
export class AgentSession extends Running<AgentSessionEvents, void> {
  readonly thing: string;

  /** @throws UsageError, ConfigError for options that cannot be used */
  constructor(options: AgentSessionOptions) {
    const settings = settingsOf(options);
    super(
      (signal) => runAgent({ ...settings, signal, onEvent: (event) => this.tell(event) }),
      options.signal,
    );
    this.thing = options.thing;
  }
}

function settingsOf(options: AgentSessionOptions) {
  const { thing, region, broker } = options;
  if (!isApiName(thing)) {
    throw new UsageError("thing is no thing name: 1 to 128 letters, digits, “:”, “_” and “-” are allowed");
  }
  const { certificate, privateKey: key } = broker;
  const dataPlane = dataPlaneOf(options);
  const address = throughWebProxy(broker);
  return {
    thing,
    regions: [region],
    serviceMap: addressesOf(options.services, "destination"),
    dataPlaneOf: () => dataPlane,
    broker: {
      address: async () => address,
      access: { type: "certificate", alpn: broker.port === 443, identity: () => ({ certificate, key }) },
    } as const,
    clientId:
      options.clientId ?? `${thing.slice(0, MAX_NAME_IN_ID)}-tunnel-${randomBytes(4).toString("hex")}`,
    stateDirectory: options.stateDirectory ?? join(stateHome(process.env), "agent", thing),
    maxTunnels: options.maxTunnels ?? MAX_TUNNELS,
    maxSessionMs: options.maxSessionMs,
    graceMs: options.graceMs ?? 0,
    resumeTimeoutMs: options.resumeTimeoutMs,
    mqttKeepaliveS: KEEPALIVE_S,
    proxy: carryingOf({ ...options, resumeTimeoutMs: undefined }),
    log: getLogger("agent"),
  };
}
