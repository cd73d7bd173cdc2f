import type { TunnelError } from "../base/errors.ts";
import { hostAndPort } from "../base/host-names.ts";
import type { Logger } from "../base/log.ts";
import type { AccessToken, ClientToken } from "../base/secret.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { ProcessSession } from "./process-session.ts";
import type { WaryEndpoints } from "./wary-endpoints.ts";

/** The side of the tunnel a local proxy serves; the value of `local-proxy-mode` on the wire. */
export type Side = (typeof SIDES)[number];

export const SIDES = ["source", "destination"] as const;

/** Message format of the other side, as the reference proxy's flag names it. */
export type ClientType = "V1" | "V2" | "V3";

/** Where local sockets listen or dial, as a user writes it. Port 0 (source only) takes a free port. */
export type AddressMap = ReadonlyMap<string, SocketAddress>;

/**
 * Service id → address. The empty service id is an unnamed entry: it fits a tunnel with exactly one service. Without an
 * address a source does not listen: its sockets are given to it.
 */
export type ServiceMap = ReadonlyMap<string, SocketAddress | undefined>;

/** Where the data plane is reached. */
export interface DataPlane {
  readonly host: string;
  /** 443 unless told otherwise. */
  readonly port: number;
  /** PEM certificates trusted besides the system's. */
  readonly ca?: readonly string[] | undefined;
  /** Web proxy for this endpoint, NO_PROXY already applied; credentials in the URL. */
  readonly webProxy?: URL | undefined;
  /** No certificate is checked at all. For the reference proxy's -k alone. */
  readonly isUnverified?: boolean | undefined;
}

/** What a proxy connects with. */
export interface TokenPair {
  readonly accessToken: AccessToken;
  /** Absent: the access token can be used for one connection only. */
  readonly clientToken?: ClientToken | undefined;
}

/** Everything a local proxy is told at its start. Times in milliseconds. */
export interface ProxyOptions extends TokenPair {
  readonly mode: Side;
  readonly dataPlane: DataPlane;
  /**
   * Newer tokens of this side of the tunnel than those that it gave before, if there are any: looked for when those are
   * refused or replaced. Never throws.
   */
  readonly newerTokens?: (() => TokenPair | undefined) | undefined;
  /**
   * The service map, once the tunnel's services are known; asked again on every WebSocket. May throw a TunnelError, which
   * ends the proxy.
   */
  readonly serviceMap: (services: readonly string[]) => ServiceMap;
  /** Local address to listen on (source) or to dial from (destination). */
  readonly bind?: string | undefined;
  /** Absent: found out by evidence. */
  readonly clientType?: ClientType | undefined;
  /** How long one full local socket may hold back the whole tunnel. */
  readonly stallTimeoutMs: number;
  /** How long the way back stays open without bytes after a local end of file. */
  readonly lingerMs: number;
  /** Period of WebSocket pings; a link silent for two and a half periods is dead. */
  readonly keepaliveMs: number;
  /**
   * How long to keep trying before the first connection, whatever the reason. Absent: 15 s, and not at all after a
   * failure that trying again seldom heals.
   */
  readonly giveUpAfterMs?: number | undefined;
  /** Connections outlive their WebSocket where the other end is ours as well; absent: they do not. */
  readonly continuity?: ProcessSession | undefined;
  /** Where continuity stays off; absent: that is not known, nor kept, from one process to the next. */
  readonly waryEndpoints?: WaryEndpoints | undefined;
  readonly log: Logger;
  readonly onEvent: (event: ProxyEvent) => void;
  /** Connections that this tunnel may have at once, where its process has several; all that the process can when absent. */
  readonly maxConnections?: number | undefined;
  /** Ends the proxy in an orderly way. */
  readonly signal: AbortSignal;
}

/** What a running proxy tells the command line. `connectionId` counts the connections of one WebSocket from 1. */
export type ProxyEvent =
  | { readonly event: "connected"; readonly channelId: string; readonly services: readonly string[] }
  | {
      readonly event: "disconnected";
      readonly reason: string;
      readonly retryInMs: number;
      /** Connections that wait for the link. */
      readonly heldConnections: number;
      /** What `reason` is the message of. */
      readonly error: TunnelError;
    }
  /** Its access token was refused or replaced, and it goes on with a newer one. */
  | { readonly event: "token-renewed"; readonly reason: string; readonly heldConnections: number }
  | {
      readonly event: "listening";
      readonly service: string;
      readonly address: string;
      readonly port?: number;
    }
  | {
      readonly event: "connection-opened";
      readonly service: string;
      readonly connectionId: number;
      /** Who connected to the source's listener, as IP:PORT; absent on a Unix socket and at a destination. */
      readonly peer?: string | undefined;
    }
  | {
      /** The destination's local application answered: where it was found. */
      readonly event: "dialled";
      readonly service: string;
      readonly address: string;
      readonly port?: number | undefined;
    }
  | {
      readonly event: "connection-closed";
      readonly service: string;
      readonly connectionId: number;
      readonly reason: string;
      /** Bytes read from the local program, and bytes for it. */
      readonly bytesToTunnel: number;
      readonly bytesFromTunnel: number;
    }
  /** Connections lost their WebSocket, or their other end did, and wait for it. */
  | {
      readonly event: "connections-held";
      readonly service: string;
      readonly connections: number;
      /** Its own WebSocket was lost; else the other side's was. */
      readonly isLinkDown: boolean;
    }
  /** They go on. */
  | {
      readonly event: "connections-resumed";
      readonly service: string;
      readonly connections: number;
      readonly afterMs: number;
    }
  /** They ended. */
  | {
      readonly event: "connections-lost";
      readonly service: string;
      readonly connections: number;
      readonly reason: string;
    }
  | { readonly event: "warning"; readonly message: string; readonly hint?: string | undefined };

/** Why a proxy that was not at fault came to its end. Failures are thrown as TunnelError instead. */
export type ProxyEnd = "stopped" | "tunnel-closed";

/** Where something listens, as people write it. */
export function listeningAt({
  address,
  port,
}: {
  readonly address: string;
  readonly port?: number | undefined;
}): string {
  if (port === undefined) return address;
  return hostAndPort({ host: address, port });
}

/** What its WebSockets are dialled with. */
export function dialOptions(
  { dataPlane, mode, signal }: ProxyOptions,
  { accessToken, clientToken }: TokenPair,
) {
  return { ...dataPlane, mode, accessToken, clientToken, signal, userAgent: "tunnel" };
}

/** The format of the wire that a type of client speaks. */
export const FORMATS = { V1: 1, V2: 2, V3: 3 } as const;
