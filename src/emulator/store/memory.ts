import type { TunnelStatus } from "../../aws/shapes.ts";
import type { Side } from "../relay/relay.ts";
import type { DueFilter, ListedTunnel, ListFilter, Store, TokenRecord, TunnelRecord } from "./store.ts";

/**
 * Store that is gone with its process, on any runtime. It looks through all tunnels where SQLite has an index: with
 * 10,000 of them that is well under a millisecond, less than one written page.
 */
export class MemoryStore implements Store {
  readonly #tunnels = new Map<string, ListedTunnel>();
  readonly #tokens = new Map<string, TokenRecord>();
  /** Takes back the writes of the transaction under way, the latest one first. */
  #undo: (() => void)[] | undefined;
  #sequence = 0;

  transaction<T>(change: () => T): T {
    const undo: (() => void)[] = [];
    this.#undo = undo;
    try {
      return change();
    } catch (error) {
      for (const takeBack of undo.toReversed()) takeBack();
      throw error;
    } finally {
      this.#undo = undefined;
    }
  }

  saveTunnel(tunnel: TunnelRecord): void {
    this.#sequence += 1;
    const sequence = this.#tunnels.get(tunnel.tunnelId)?.sequence ?? this.#sequence;
    this.#write(this.#tunnels, tunnel.tunnelId, { sequence, tunnel });
  }

  removeTunnel(tunnelId: string): void {
    this.#write(this.#tunnels, tunnelId, undefined);
    this.#removeTokens((token) => token.tunnelId === tunnelId);
  }

  findTunnel(tunnelId: string): TunnelRecord | undefined {
    return this.#tunnels.get(tunnelId)?.tunnel;
  }

  listTunnels({ thingName, before = Number.MAX_SAFE_INTEGER, limit }: ListFilter): ListedTunnel[] {
    const isWanted = ({ sequence, tunnel }: ListedTunnel) =>
      sequence < before && (thingName === undefined || tunnel.thingName === thingName);
    return [...this.#tunnels.values()]
      .filter(isWanted)
      .sort((a, b) => b.sequence - a.sequence)
      .slice(0, limit);
  }

  countTunnels(status: TunnelStatus): number {
    return this.#find((tunnel) => tunnel.status === status).length;
  }

  tunnelsByDue({ status, until, limit }: DueFilter): TunnelRecord[] {
    return this.#find((tunnel) => tunnel.dueAt <= until && (status === undefined || tunnel.status === status))
      .sort((a, b) => a.dueAt - b.dueAt)
      .slice(0, limit);
  }

  nextDueAt(): number | undefined {
    let due: number | undefined;
    for (const { tunnel } of this.#tunnels.values()) due = Math.min(due ?? tunnel.dueAt, tunnel.dueAt);
    return due;
  }

  connectedTunnels(): TunnelRecord[] {
    return this.#find(({ source, destination }) => source.isConnected || destination.isConnected);
  }

  saveToken(token: TokenRecord): void {
    if (!this.#tunnels.has(token.tunnelId)) throw new Error(`token of no tunnel: "${token.tunnelId}"`);
    this.#write(this.#tokens, token.tokenHash, token);
  }

  findToken(tokenHash: string): TokenRecord | undefined {
    return this.#tokens.get(tokenHash);
  }

  tokensOfClient(clientTokenHash: string): TokenRecord[] {
    return [...this.#tokens.values()].filter(
      ({ use }) => use.type === "bound" && use.clientTokenHash === clientTokenHash,
    );
  }

  removeTokens(tunnelId: string, mode: Side): void {
    this.#removeTokens((token) => token.tunnelId === tunnelId && token.mode === mode);
  }

  shiftTimes(ms: number): void {
    for (const { tunnel } of [...this.#tunnels.values()]) this.saveTunnel(shifted(tunnel, ms));
  }

  close(): void {
    this.#tunnels.clear();
    this.#tokens.clear();
  }

  #find(isWanted: (tunnel: TunnelRecord) => boolean): TunnelRecord[] {
    return [...this.#tunnels.values()].map(({ tunnel }) => tunnel).filter(isWanted);
  }

  #removeTokens(isUnwanted: (token: TokenRecord) => boolean): void {
    for (const token of [...this.#tokens.values()]) {
      if (isUnwanted(token)) this.#write(this.#tokens, token.tokenHash, undefined);
    }
  }

  /** Sets an entry, or removes it, and remembers how to take that back. */
  #write<T>(map: Map<string, T>, key: string, value: T | undefined): void {
    const before = map.get(key);
    this.#undo?.push(() => put(map, key, before));
    put(map, key, value);
  }
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function shifted(tunnel: TunnelRecord, ms: number): TunnelRecord {
  const { source, destination } = tunnel;
  return {
    ...tunnel,
    createdAt: tunnel.createdAt + ms,
    lastUpdatedAt: tunnel.lastUpdatedAt + ms,
    dueAt: tunnel.dueAt + ms,
    source: { ...source, changedAt: source.changedAt + ms },
    destination: { ...destination, changedAt: destination.changedAt + ms },
  };
}
