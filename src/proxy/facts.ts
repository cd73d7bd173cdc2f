import type { Driver } from "./driver.ts";
import type { LocalSocket } from "./local-socket.ts";
import { listeningAt, type ProxyEvent } from "./options.ts";

/** One open connection. */
export interface ConnectionStatus {
  readonly connectionId: number;
  readonly service: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
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
  readonly roundTripMs: number | undefined;
  /** Bytes that wait to be sent into the tunnel. */
  readonly queuedBytes: number;
  /** WebSockets that were lost and made again. */
  readonly reconnects: number;
  /** Where services listen: `SSH 127.0.0.1:2222`. */
  readonly listening: readonly string[];
  /** Every open connection, the oldest first. */
  readonly connections: readonly ConnectionStatus[];
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
      case "connection-opened":
      case "connections-held":
      case "connections-resumed":
      case "connections-lost":
      case "warning":
        break;
    }
  }

  get facts(): ProxyFacts {
    const drivers = new Set([...this.releasing, ...(this.driver === undefined ? [] : [this.driver])]);
    const locals = [...drivers].flatMap((driver) => [...driver.locals]);
    const connections = locals.filter(({ isEnded }) => !isEnded).map(statusOf);
    return {
      link: this.#link,
      channelId: this.#channelId,
      services: this.#services,
      roundTripMs: this.driver?.roundTripMs,
      queuedBytes: this.driver?.queuedBytes ?? 0,
      reconnects: Math.max(0, this.#connects - 1),
      listening: [...this.#listening],
      connections,
      dialled: this.#dialled,
      bytesToTunnel: connections.reduce((sum, each) => sum + each.bytesToTunnel, this.#closedToTunnel),
      bytesFromTunnel: connections.reduce((sum, each) => sum + each.bytesFromTunnel, this.#closedFromTunnel),
    };
  }
}

function statusOf({ connection, openedAt, bytesToTunnel, bytesFromTunnel }: LocalSocket): ConnectionStatus {
  const { key: connectionId, serviceId: service } = connection;
  return { connectionId, service, openedAt, bytesToTunnel, bytesFromTunnel };
}
