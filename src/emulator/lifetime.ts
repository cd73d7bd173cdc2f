// How tunnels end by themselves: open ones expire, closed ones are forgotten.
import type { Store, TunnelRecord } from "./store/store.ts";

/** The service shows a closed tunnel for at least three hours. */
const CLOSED_RETENTION_MS = 3 * 60 * 60_000;
/** Ours: the service names no limit, and a script that runs away must not fill the disk. */
export const MAX_OPEN_TUNNELS = 10_000;
const MAX_CLOSED_TUNNELS = 10_000;
/** Due tunnels handled in one transaction; bounds memory and the length of a pause. */
const DUE_BATCH = 100;

/** Closes tunnels whose lifetime is over, forgets those closed long ago; returns the ids of those that expired. */
export function endDueTunnels(store: Store, now: number): string[] {
  const expired: string[] = [];
  for (;;) {
    const due = store.tunnelsByDue({ until: now, limit: DUE_BATCH });
    if (due.length === 0) {
      return expired;
    }
    store.transaction(() => {
      for (const tunnel of due) {
        endTunnel(store, tunnel);
      }
    });
    expired.push(...due.filter(({ status }) => status === "OPEN").map(({ tunnelId }) => tunnelId));
  }
}

/** A tunnel that expired while nobody ran the emulator was closed at its due time, not when that was noticed. */
function endTunnel(store: Store, tunnel: TunnelRecord): void {
  if (tunnel.status === "OPEN") {
    closeTunnel(store, tunnel, tunnel.dueAt);
  } else {
    store.removeTunnel(tunnel.tunnelId);
  }
}

/** Writes the tunnel down as CLOSED, nobody connected; the oldest closed one goes when there are too many. */
export function closeTunnel(store: Store, tunnel: TunnelRecord, at: number): void {
  store.saveTunnel({
    ...tunnel,
    status: "CLOSED",
    lastUpdatedAt: at,
    dueAt: at + CLOSED_RETENTION_MS,
    source: tunnel.source.isConnected ? { isConnected: false, changedAt: at } : tunnel.source,
    destination: tunnel.destination.isConnected ? { isConnected: false, changedAt: at } : tunnel.destination,
  });
  const excess = store.countTunnels("CLOSED") - MAX_CLOSED_TUNNELS;
  if (excess > 0) {
    const until = Number.MAX_SAFE_INTEGER;
    for (const oldest of store.tunnelsByDue({ status: "CLOSED", until, limit: excess })) {
      store.removeTunnel(oldest.tunnelId);
    }
  }
}
