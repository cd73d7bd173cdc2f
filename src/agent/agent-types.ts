import type { Logger } from "../base/log.ts";
import type { AddressMap, DataPlane, ProxyEvent, ProxyOptions } from "../proxy/options.ts";
import type { StatusBoard } from "../proxy/status.ts";
import type { BrokerConnection } from "./broker-stream.ts";
import type { RefusalReason } from "./notification.ts";

/** Everything an agent is told at its start. Times in milliseconds. */
export interface AgentOptions {
  readonly thing: string;
  /** The allow-list: nothing else is ever dialled. */
  readonly serviceMap: AddressMap;
  /** Regions whose tunnels are carried, the agent's own first. */
  readonly regions: readonly string[];
  readonly dataPlaneOf: (region: string) => DataPlane;
  /** Opens a connection to the broker, for each attempt anew; what it throws is tried again. */
  readonly broker: BrokerConnection;
  readonly clientId: string;
  /** Where running sessions are kept for the next start. */
  readonly stateDirectory: string;
  /** Sessions at once, connected or not. */
  readonly maxTunnels: number;
  /** Absent: the life of the tunnel. */
  readonly maxSessionMs?: number | undefined;
  /** How long open connections may go on once the agent is told to stop. */
  readonly graceMs: number;
  /** How long connections wait for the operator after a lost link, or 0; absent: they do not outlive it. */
  readonly resumeTimeoutMs?: number | undefined;
  readonly proxy: Pick<ProxyOptions, "bind" | "stallTimeoutMs" | "lingerMs" | "keepaliveMs">;
  readonly log: Logger;
  readonly onEvent: (event: AgentEvent) => void;
  /** Where sessions report what they carry. */
  readonly board?: StatusBoard | undefined;
  /** Ends the agent in an orderly way. */
  readonly signal: AbortSignal;
  /** Period of MQTT keep-alives, in whole seconds. A dead link is noticed after one and a half of these. */
  readonly mqttKeepaliveS: number;
}

/** Why a session came to its end. */
export type SessionEndReason =
  | "tunnel-closed"
  | "refused"
  | "replaced"
  | "failed"
  | "evicted"
  | "max-session"
  | "expired"
  | "agent-stopped";

/** One session from notification to end: what an audit wants to know. The tunnel's id is never told to a device. */
export interface SessionAudit {
  readonly session: string;
  readonly thing: string;
  readonly region: string;
  readonly services: readonly string[];
  /** ISO 8601; of the start in this process. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** Local connections that were made; a dial that failed is none. */
  readonly connections: number;
  /** How often one of them lost its link and was held; and went on, also one of a session with a former token. */
  readonly held: number;
  readonly resumed: number;
  /** From the device's programs to the source, and the other way. */
  readonly bytesToTunnel: number;
  readonly bytesFromTunnel: number;
  readonly reason: SessionEndReason;
  /** The service's words, or the failure. */
  readonly detail: string;
  /** The service's name of the last WebSocket; empty when there was none. */
  readonly channelId: string;
}

/** What of a proxy's events an agent passes on, with the session's name. */
type CarriedEvent = Extract<ProxyEvent, { event: `connection-${string}` | `connections-${string}` }>;

/** What a running agent tells. `session` is the same for one access token, also after a restart. */
export type AgentEvent =
  | { readonly event: "subscribed"; readonly topic: string; readonly broker: string }
  | {
      readonly event: "broker-lost";
      readonly reason: string;
      readonly hint?: string | undefined;
      readonly retryInMs: number;
    }
  | {
      readonly event: "notification-refused";
      readonly reason: RefusalReason | "full" | "too-many";
      readonly message: string;
    }
  | { readonly event: "notification-known"; readonly session: string }
  | {
      readonly event: "session-started";
      readonly session: string;
      readonly region: string;
      readonly services: readonly string[];
      readonly isResumed: boolean;
    }
  | { readonly event: "session-connected"; readonly session: string; readonly channelId: string }
  | {
      readonly event: "session-disconnected";
      readonly session: string;
      readonly reason: string;
      readonly retryInMs: number;
      /** Connections that wait for the link. */
      readonly heldConnections: number;
    }
  | (CarriedEvent & { readonly session: string })
  | ({ readonly event: "session-ended" } & SessionAudit)
  | {
      readonly event: "warning";
      readonly session?: string;
      readonly message: string;
      readonly hint?: string | undefined;
    }
  | { readonly event: "draining"; readonly connections: number };
