// How tunnels end by themselves: open ones expire, closed ones are forgotten.
import type { Store, TunnelRecord } from "../store/store.ts";

/** The service shows a closed tunnel for at least three hours. */
const CLOSED_RETENTION_MS = 3 * 60 * 60_000;
/** Ours: the service names no limit, and a script that runs away must not fill the disk. */
export const MAX_OPEN_TUNNELS = 10_000;
const MAX_CLOSED_TUNNELS = 10_000;
/** Due tunnels handled in one transaction; bounds memory and the length of a pause. */
const DUE_BATCH = 100;

/** Closes tunnels whose lifetime is over, telling `onExpired` of each once it is written, and forgets those closed long ago. */
export function endDueTunnels(store: Store, now: number, onExpired: (tunnelId: string) => void): void {
  for (;;) {
    const due = store.tunnelsByDue({ until: now, limit: DUE_BATCH });
    if (due.length === 0) return;
    store.transaction(() => {
      for (const tunnel of due) endTunnel(store, tunnel);
    });
    for (const { tunnelId } of due.filter(({ status }) => status === "OPEN")) onExpired(tunnelId);
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
  store.saveTunnel(closed(tunnel, at));
  const excess = store.countTunnels("CLOSED") - MAX_CLOSED_TUNNELS;
  if (excess > 0) {
    const until = Number.MAX_SAFE_INTEGER;
    for (const oldest of store.tunnelsByDue({ status: "CLOSED", until, limit: excess })) {
      store.removeTunnel(oldest.tunnelId);
    }
  }
}

/** The tunnel as it is now: one whose lifetime is over is closed, even if a full disk did not let that be written. */
export function asOf(now: number, tunnel: TunnelRecord): TunnelRecord {
  return tunnel.status === "OPEN" && tunnel.dueAt <= now ? closed(tunnel, tunnel.dueAt) : tunnel;
}

function closed(tunnel: TunnelRecord, at: number): TunnelRecord {
  return {
    ...tunnel,
    status: "CLOSED",
    lastUpdatedAt: at,
    dueAt: at + CLOSED_RETENTION_MS,
    source: tunnel.source.isConnected ? { isConnected: false, changedAt: at } : tunnel.source,
    destination: tunnel.destination.isConnected ? { isConnected: false, changedAt: at } : tunnel.destination,
  };
}
