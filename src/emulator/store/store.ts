import type { Tag, TunnelStatus } from "../../aws/shapes.ts";
import type { Side } from "../relay/relay.ts";

/** Whether a local proxy is connected on one side, and since when; milliseconds since 1970. */
export interface SideRecord {
  readonly isConnected: boolean;
  readonly changedAt: number;
}

/** A tunnel as it is kept. Times are milliseconds since 1970. */
export interface TunnelRecord {
  readonly tunnelId: string;
  readonly tunnelArn: string;
  readonly status: TunnelStatus;
  readonly description?: string | undefined;
  readonly thingName?: string | undefined;
  /** Absent when the tunnel has no destination configuration. */
  readonly services?: readonly string[] | undefined;
  readonly lifetimeMinutes: number;
  readonly tags: readonly Tag[];
  readonly createdAt: number;
  readonly lastUpdatedAt: number;
  /** When something happens by itself: an open tunnel expires, a closed one is forgotten. */
  readonly dueAt: number;
  readonly source: SideRecord;
  readonly destination: SideRecord;
}

/** An access token as it is kept: only SHA-256 hashes, of it and of the client token bound to it. */
export interface TokenRecord {
  readonly tokenHash: string;
  readonly tunnelId: string;
  readonly mode: Side;
  readonly use: TokenUse;
}

/** `spent`: used without a client token, so never again. `bound`: may be used again with that client token. */
export type TokenUse =
  | { readonly type: "unused" }
  | { readonly type: "spent" }
  | { readonly type: "bound"; readonly clientTokenHash: string };

/** A tunnel with its place in the order of creation. */
export interface ListedTunnel {
  readonly sequence: number;
  readonly tunnel: TunnelRecord;
}

/** Which tunnels to list: of one thing and created before a sequence, where these are given; at most `limit`. */
export interface ListFilter {
  readonly thingName?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

/** Which tunnels to take: due by `until` (milliseconds since 1970), of one status where given; at most `limit`. */
export interface DueFilter {
  readonly status?: TunnelStatus | undefined;
  readonly until: number;
  readonly limit: number;
}

/** Where tunnels and tokens are kept. Nothing here decides anything: that is tunnels.ts. */
export interface Store {
  /** Runs `change`. When it returns, all its writes survive a power cut; when it throws, none was made. */
  transaction<T>(change: () => T): T;
  /** Adds the tunnel, or replaces the one of this id. */
  saveTunnel(tunnel: TunnelRecord): void;
  /** Removes the tunnel and its tokens. */
  removeTunnel(tunnelId: string): void;
  findTunnel(tunnelId: string): TunnelRecord | undefined;
  /** Newest first: those created before `before` (a sequence), of one thing if `thingName` is given. */
  listTunnels(filter: ListFilter): ListedTunnel[];
  countTunnels(status: TunnelStatus): number;
  /** Tunnels of this status, those due first in front. */
  tunnelsByDue(filter: DueFilter): TunnelRecord[];
  /** The earliest dueAt; undefined without tunnels. */
  nextDueAt(): number | undefined;
  /** Tunnels with a connected side. */
  connectedTunnels(): TunnelRecord[];
  /** Adds the token, or replaces the one of this hash. */
  saveToken(token: TokenRecord): void;
  findToken(tokenHash: string): TokenRecord | undefined;
  /** All tokens that this client token is bound to. */
  tokensOfClient(clientTokenHash: string): TokenRecord[];
  removeTokens(tunnelId: string, mode: Side): void;
  /** Moves every time of every tunnel by so many milliseconds. */
  shiftTimes(ms: number): void;
  close(): void;
}
