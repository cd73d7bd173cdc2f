import type { Mode, ProxyEvent } from "./options.ts";

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

/** What a running WebSocket can tell at any moment. */
export interface LinkSample {
  /** Last measured round trip to the service. */
  readonly roundTripMs: number | undefined;
  /** Bytes that wait to be sent into the tunnel. */
  readonly queuedBytes: number;
  /** Every open connection, the oldest first. */
  readonly connections: readonly ConnectionStatus[];
}

/** Takes a sample. Costs a walk over the open connections, so it is called only while somebody watches. */
export type Probe = () => LinkSample;

/** `failed` and `ended` sessions are forgotten; these are the states of one that runs. */
export type LinkState = "connecting" | "connected" | "disconnected";

/** One side of one tunnel that this process carries. */
export interface SessionStatus {
  /** Unique in its process. */
  readonly id: string;
  readonly mode: Mode;
  /** Unknown to whoever was only given an access token, so to every agent. */
  readonly tunnelId?: string | undefined;
  readonly thing?: string | undefined;
  readonly services: readonly string[];
  readonly link: LinkState;
  readonly roundTripMs?: number | undefined;
  readonly queuedBytes: number;
  /** WebSockets that were lost and made again. */
  readonly reconnects: number;
  /** Where services listen: `SSH 127.0.0.1:2222`. */
  readonly listening: readonly string[];
  /** Open connections, of which at most MAX_LISTED_CONNECTIONS are listed. */
  readonly openConnections: number;
  readonly connections: readonly ConnectionStatus[];
  /** Of all connections since the start, open ones included. */
  readonly bytesToTunnel: number;
  readonly bytesFromTunnel: number;
}

/** Something that happened, for people. `number` counts from 1 in its process, so that a reader knows what is new. */
export interface RecentEvent {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** What one process publishes: a line of JSON on its status socket. It holds no token. */
export interface ProcessStatus {
  readonly version: 1;
  readonly pid: number;
  /** The command, such as `proxy source`. */
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly sessions: readonly SessionStatus[];
  /** The last events, at most MAX_RECENT_EVENTS, the oldest first. */
  readonly recent: readonly RecentEvent[];
}

/** More connections than this are counted, not listed: a line stays under 64 KiB. */
export const MAX_LISTED_CONNECTIONS = 200;
export const MAX_RECENT_EVENTS = 50;

type Facts = Pick<SessionStatus, "id" | "mode" | "tunnelId" | "thing" | "services">;

/** Collects what the sessions of this process do, and tells it when asked. */
export class StatusBoard {
  readonly #head: Pick<ProcessStatus, "pid" | "command" | "startedAt">;
  readonly #now: () => number;
  readonly #sessions = new Map<string, SessionBoard>();
  #recent: RecentEvent[] = [];
  #events = 0;

  /** @param now milliseconds since 1970 */
  constructor(process: { readonly pid: number; readonly command: string }, now: () => number) {
    this.#head = { ...process, startedAt: now() };
    this.#now = now;
  }

  /** A session begins; a former one of the same id is forgotten. */
  open(facts: Facts): SessionBoard {
    const session = new SessionBoard(facts, (text) => this.say(text));
    this.#sessions.set(facts.id, session);
    return session;
  }

  /** A session is over. */
  close(session: SessionBoard): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  /** Adds an event. */
  say(text: string): void {
    this.#events += 1;
    this.#recent.push({ number: this.#events, at: this.#now(), text });
    this.#recent = this.#recent.slice(-MAX_RECENT_EVENTS);
  }

  snapshot(): ProcessStatus {
    const sessions = [...this.#sessions.values()].map((session) => session.snapshot());
    return { version: 1, ...this.#head, sessions, recent: this.#recent };
  }
}

/** What one session does: fed with its proxy's events, and with a probe while a WebSocket is up. */
export class SessionBoard {
  readonly #facts: Facts;
  readonly #say: (text: string) => void;
  #link: LinkState = "connecting";
  #services: readonly string[];
  #connects = 0;
  #listening: string[] = [];
  #closedToTunnel = 0;
  #closedFromTunnel = 0;
  #probe: Probe | undefined;

  constructor(facts: Facts, say: (text: string) => void) {
    this.#facts = facts;
    this.#services = facts.services;
    this.#say = say;
  }

  get id(): string {
    return this.#facts.id;
  }

  setProbe(probe: Probe | undefined): void {
    this.#probe = probe;
  }

  observe(event: ProxyEvent): void {
    this.#say(describeEvent(event));
    switch (event.event) {
      case "connected":
        this.#link = "connected";
        this.#connects += 1;
        this.#services = event.services;
        break;
      case "disconnected":
        this.#link = "disconnected";
        break;
      case "listening":
        this.#listening.push(`${event.service} ${whereOf(event)}`);
        break;
      case "connection-closed":
        this.#closedToTunnel += event.bytesToTunnel;
        this.#closedFromTunnel += event.bytesFromTunnel;
        break;
      case "connection-opened":
      case "dialled":
      case "warning":
        break;
    }
  }

  snapshot(): SessionStatus {
    const { roundTripMs, queuedBytes = 0, connections = [] } = this.#probe?.() ?? {};
    return {
      ...this.#facts,
      services: this.#services,
      link: this.#link,
      roundTripMs,
      queuedBytes,
      reconnects: Math.max(0, this.#connects - 1),
      listening: [...this.#listening],
      openConnections: connections.length,
      connections: connections.slice(0, MAX_LISTED_CONNECTIONS),
      bytesToTunnel: connections.reduce((sum, each) => sum + each.bytesToTunnel, this.#closedToTunnel),
      bytesFromTunnel: connections.reduce((sum, each) => sum + each.bytesFromTunnel, this.#closedFromTunnel),
    };
  }
}

function describeEvent(event: ProxyEvent): string {
  switch (event.event) {
    case "connected":
      return `connected, services: ${event.services.join(", ") || "none"}`;
    case "disconnected":
      return `disconnected: ${event.reason}; next try in ${Math.round(event.retryInMs / 100) / 10} s`;
    case "listening":
      return `${event.service} listens on ${whereOf(event)}`;
    case "connection-opened":
      return `${event.service}: connection ${event.connectionId} opened`;
    case "dialled":
      return `${event.service} answers on ${whereOf(event)}`;
    case "connection-closed":
      return `${event.service}: connection ${event.connectionId} closed: ${event.reason}`;
    case "warning":
      return event.message;
  }
}

function whereOf({
  address,
  port,
}: {
  readonly address: string;
  readonly port?: number | undefined;
}): string {
  if (port === undefined) return address;
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
