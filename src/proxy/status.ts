import type { ConnectionStatus, LinkState, ProxyFacts } from "./facts.ts";
import { disconnectedWords, fateWords, renewedWords } from "./fate-words.ts";
import { listeningAt, type ProxyEvent, type Side } from "./options.ts";

/** One side of one tunnel that this process carries. */
export interface SessionStatus {
  /** Unique in its process. */
  readonly id: string;
  readonly mode: Side;
  /** Unknown to whoever was only given an access token, so to every agent. */
  readonly tunnelId?: string | undefined;
  readonly thing?: string | undefined;
  readonly services: readonly string[];
  readonly link: LinkState;
  readonly roundTripMs?: number | undefined;
  /** To the other side, where that is tunnel as well. */
  readonly endToEndMs?: number | undefined;
  readonly queuedBytes: number;
  /** WebSockets that were lost and made again. */
  readonly reconnects: number;
  /** Where services listen: `SSH 127.0.0.1:2222`. */
  readonly listening: readonly string[];
  /** Open connections, of which at most MAX_LISTED_CONNECTIONS are listed. */
  readonly openConnections: number;
  /** Those that wait for the other side; absent: none, or an older version. */
  readonly heldConnections?: number | undefined;
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

/** What is known of a session before it runs. */
type Identity = Pick<SessionStatus, "id" | "mode" | "tunnelId" | "thing" | "services">;

/** Who can tell how a session goes. */
interface Told {
  readonly facts: ProxyFacts;
}

/** Collects what the sessions of this process do, and tells it when asked. */
export class StatusBoard {
  readonly #head: Pick<ProcessStatus, "pid" | "command" | "startedAt">;
  readonly #now: () => number;
  readonly #sessions = new Map<string, Identity & { readonly proxy: Told }>();
  #recent: RecentEvent[] = [];
  #events = 0;

  /** @param now milliseconds since 1970 */
  constructor(process: { readonly pid: number; readonly command: string }, now: () => number) {
    this.#head = { ...process, startedAt: now() };
    this.#now = now;
  }

  /** A session begins; a former one of the same id is forgotten. */
  open(identity: Identity, proxy: Told): void {
    this.#sessions.set(identity.id, { ...identity, proxy });
  }

  /** A session is over. */
  close(id: string): void {
    this.#sessions.delete(id);
  }

  /** Adds what a proxy did to the recent events. */
  observe(event: ProxyEvent): void {
    this.say(describeEvent(event));
  }

  /** Adds an event. */
  say(text: string): void {
    this.#events += 1;
    this.#recent.push({ number: this.#events, at: this.#now(), text });
    this.#recent = this.#recent.slice(-MAX_RECENT_EVENTS);
  }

  snapshot(): ProcessStatus {
    const sessions = [...this.#sessions.values()].map(statusOf);
    return { version: 1, ...this.#head, sessions, recent: this.#recent };
  }
}

function statusOf({ proxy, ...identity }: Identity & { readonly proxy: Told }): SessionStatus {
  const { facts } = proxy;
  return {
    ...identity,
    services: facts.services ?? identity.services,
    link: facts.link,
    roundTripMs: facts.roundTripMs,
    endToEndMs: facts.endToEndMs,
    queuedBytes: facts.queuedBytes,
    reconnects: facts.reconnects,
    listening: facts.listening,
    openConnections: facts.connections.length,
    heldConnections: facts.heldConnections,
    connections: facts.connections.slice(0, MAX_LISTED_CONNECTIONS),
    bytesToTunnel: facts.bytesToTunnel,
    bytesFromTunnel: facts.bytesFromTunnel,
  };
}

function describeEvent(event: ProxyEvent): string {
  switch (event.event) {
    case "connected":
      return `connected, services: ${event.services.join(", ") || "none"}`;
    case "disconnected":
      return disconnectedWords(event);
    case "listening":
      return `${event.service} listens on ${listeningAt(event)}`;
    case "connection-opened":
      return `${event.service}: connection ${event.connectionId} opened`;
    case "dialled":
      return `${event.service} answers on ${listeningAt(event)}`;
    case "connection-closed":
      return `${event.service}: connection ${event.connectionId} closed: ${event.reason}`;
    case "connections-held":
    case "connections-resumed":
    case "connections-lost":
      return `${event.service}: ${fateWords(event)}`;
    case "token-renewed":
      return renewedWords(event);
    case "warning":
      return event.message;
  }
}
