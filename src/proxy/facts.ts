import type { Driver } from "./driver.ts";
import type { LocalSocket } from "./local-socket.ts";
import { listeningAt, type ProxyEvent } from "./options.ts";
import type { ProcessSession } from "./process-session.ts";

/** One open connection. */
export interface ConnectionStatus {
  readonly connectionId: number;
  readonly service: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** It waits for the other side; absent: it does not, or this is an older version's. */
  readonly isHeld?: boolean | undefined;
  /** Bytes read from the local program, and bytes for it. */
  readonly bytesToTunnel: number;
  readonly bytesFromTunnel: number;
}

/** States of a proxy that runs. */
export type LinkState = "connecting" | "connected" | "disconnected";

/** What a local proxy carries and has carried. Taking it costs a walk over the open connections. */
export interface ProxyFacts {
  readonly link: LinkState;
  /** The last WebSocket's, for support; empty before the first. */
  readonly channelId: string;
  /** Of the tunnel, once known. */
  readonly services: readonly string[] | undefined;
  /** To the service. */
  readonly roundTripMs: number | undefined;
  /** To the other side, where that is tunnel as well. */
  readonly endToEndMs: number | undefined;
  /** Bytes that wait to be sent into the tunnel. */
  readonly queuedBytes: number;
  /** WebSockets that were lost and made again. */
  readonly reconnects: number;
  /** Where services listen: `SSH 127.0.0.1:2222`. */
  readonly listening: readonly string[];
  /** Every open connection, the oldest first. */
  readonly connections: readonly ConnectionStatus[];
  /** Those of them that wait for the other side. */
  readonly heldConnections: number;
  /** Connections that were held since the start, and that went on, here or for a former access token. */
  readonly held: number;
  readonly resumed: number;
  /** Connections that a destination made to its local services since the start. */
  readonly dialled: number;
  /** Of all connections since the start, open ones included. */
  readonly bytesToTunnel: number;
  readonly bytesFromTunnel: number;
}

/** Keeps the facts of one proxy: the only place that counts. */
export class ProxyRecord {
  /** Of the WebSocket that is up, or was last. */
  driver: Driver | undefined;
  /** Of earlier ones, whose last local sockets still write out what they have, or are held. */
  releasing: Iterable<Driver> = [];
  /** Which of their connections are held. */
  session: ProcessSession | undefined;
  #held = 0;
  #resumed = 0;
  #link: LinkState = "connecting";
  #channelId = "";
  #services: readonly string[] | undefined;
  #connects = 0;
  #dialled = 0;
  readonly #listening: string[] = [];
  #closedToTunnel = 0;
  #closedFromTunnel = 0;

  observe(event: ProxyEvent): void {
    switch (event.event) {
      case "connected":
        this.#link = "connected";
        this.#connects += 1;
        this.#channelId = event.channelId;
        this.#services = event.services;
        break;
      case "disconnected":
      case "token-renewed":
        this.#link = "disconnected";
        break;
      case "listening":
        this.#listening.push(`${event.service} ${listeningAt(event)}`);
        break;
      case "dialled":
        this.#dialled += 1;
        break;
      case "connection-closed":
        this.#closedToTunnel += event.bytesToTunnel;
        this.#closedFromTunnel += event.bytesFromTunnel;
        break;
      case "connections-held":
        this.#held += event.connections;
        break;
      case "connections-resumed":
        this.#resumed += event.connections;
        break;
      case "connection-opened":
      case "connections-lost":
      case "warning":
        break;
    }
  }

  get facts(): ProxyFacts {
    const drivers = new Set([...this.releasing, ...(this.driver === undefined ? [] : [this.driver])]);
    const locals = [...drivers].flatMap((driver) => [...driver.locals]);
    const heldKeys = this.session?.heldKeys ?? new Set();
    const connections = locals.filter(({ isEnded }) => !isEnded).map((local) => statusOf(local, heldKeys));
    return {
      link: this.#link,
      channelId: this.#channelId,
      services: this.#services,
      roundTripMs: this.driver?.roundTripMs,
      endToEndMs: this.driver?.endToEndMs,
      queuedBytes: this.driver?.queuedBytes ?? 0,
      reconnects: Math.max(0, this.#connects - 1),
      listening: [...this.#listening],
      connections,
      heldConnections: connections.filter(({ isHeld }) => isHeld === true).length,
      held: this.#held,
      resumed: this.#resumed,
      dialled: this.#dialled,
      bytesToTunnel: connections.reduce((sum, each) => sum + each.bytesToTunnel, this.#closedToTunnel),
      bytesFromTunnel: connections.reduce((sum, each) => sum + each.bytesFromTunnel, this.#closedFromTunnel),
    };
  }
}

function statusOf(
  { connection, openedAt, bytesToTunnel, bytesFromTunnel }: LocalSocket,
  heldKeys: ReadonlySet<number>,
): ConnectionStatus {
  const { key: connectionId, serviceId: service } = connection;
  const isHeld = heldKeys.has(connectionId);
  return { connectionId, service, openedAt, isHeld, bytesToTunnel, bytesFromTunnel };
}
