import { setTimeout as sleep } from "node:timers/promises";
import { aborted } from "../base/abort.ts";
import { TunnelError } from "../base/errors.ts";
import type { StatusBoard } from "../proxy/status.ts";
import { watchProcesses } from "./processes.ts";
import { selectedTunnel, visibleTunnels } from "./select.ts";
import type { TunnelView } from "./tunnel-view.ts";
import type { Store } from "./view-store.ts";

/** How tunnels are asked for. Both throw TunnelError. */
export interface TunnelSource {
  /** Every tunnel that is watched, the newest first. */
  readonly list: () => Promise<readonly TunnelView[]>;
  /** Details of one; absent when the list has them already. */
  readonly describe?: ((tunnelId: string) => Promise<TunnelView>) | undefined;
  /** How often they are asked for. */
  readonly everyMs: number;
}

/** Where a watch gets its facts from; all are optional. */
export interface Sources {
  readonly tunnels?: TunnelSource | undefined;
  /** What this process does itself. */
  readonly board?: StatusBoard | undefined;
  /** Directory of the status sockets of this user's processes. */
  readonly statusDirectories?: (() => readonly string[]) | undefined;
}

/** A control plane that does not answer, or asks for less, is asked at twice the distance each time, up to this. */
const MAX_POLL_MS = 60_000;
/** Details asked for in one round: with the list six calls in three seconds, of ten a second that the service allows. */
const DESCRIBED_AT_ONCE = 5;
const SAMPLE_MS = 500;
const TICK_MS = 1_000;

/**
 * Feeds the store until the signal stops it.
 * @throws TunnelError when the very first answer of the control plane is a failure
 */
export async function feed(store: Store, sources: Sources, signal: AbortSignal): Promise<void> {
  const timers = [setInterval(() => store.dispatch({ type: "tick", now: Date.now() }), TICK_MS)];
  const { board, statusDirectories, tunnels } = sources;
  if (board !== undefined) timers.push(setInterval(() => sample(store, board), SAMPLE_MS));
  if (statusDirectories !== undefined) {
    const ownPid = board?.snapshot().pid;
    watchProcesses(statusDirectories, ownPid, signal, {
      onStatus: (status) => store.dispatch({ type: "process", status, now: Date.now() }),
      onGone: (pid) => store.dispatch({ type: "process-gone", pid, now: Date.now() }),
    });
  }
  try {
    if (tunnels === undefined) await aborted(signal);
    else await poll(store, tunnels, signal);
  } finally {
    for (const timer of timers) clearInterval(timer);
  }
}

function sample(store: Store, board: StatusBoard): void {
  store.dispatch({ type: "process", status: board.snapshot(), now: Date.now(), isOwn: true });
}

async function poll(store: Store, source: TunnelSource, signal: AbortSignal): Promise<void> {
  const described = new Map<string, number>();
  for (let failures = 0; !signal.aborted; ) {
    try {
      const tunnels = await source.list();
      store.dispatch({ type: "tunnels", tunnels, now: Date.now() });
      await describe(store, source, described, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TunnelError) || !store.state().isLoaded) throw error;
      failures += 1;
      store.dispatch({ type: "poll-failed", message: `${error.message}; shown is what was known` });
    }
    const delayMs = Math.min(MAX_POLL_MS, source.everyMs * 2 ** failures);
    await sleep(delayMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The selected tunnel, then those on the screen's list whose details are the oldest. */
async function describe(
  store: Store,
  source: TunnelSource,
  described: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  if (source.describe === undefined) return;
  const state = store.state();
  const selected = selectedTunnel(state)?.tunnelId;
  const age = (tunnelId: string) => (tunnelId === selected ? -1 : (described.get(tunnelId) ?? 0));
  // Of a closed tunnel nothing changes any more: once is enough.
  const wanted = visibleTunnels(state).filter(({ isOpen, tunnelId }) => isOpen || !described.has(tunnelId));
  const due = [...wanted].sort((one, other) => age(one.tunnelId) - age(other.tunnelId));
  for (const { tunnelId } of due.slice(0, DESCRIBED_AT_ONCE)) {
    if (signal.aborted) return;
    described.set(tunnelId, Date.now());
    store.dispatch({ type: "tunnel", tunnel: await source.describe(tunnelId), now: Date.now() });
  }
}
