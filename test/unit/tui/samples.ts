import type { ProcessStatus, SessionStatus } from "../../../src/proxy/status.ts";
import { type Action, initialState, reduce, type State } from "../../../src/tui/state.ts";
import type { TunnelView } from "../../../src/tui/tunnel-view.ts";

/** The moment of every sample, in milliseconds since 1970. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MINUTE = 60_000;

/** Two open tunnels and a closed one, the newest first. */
export const TUNNELS: readonly TunnelView[] = [
  {
    tunnelId: "aaaaaaaa-0000-4000-8000-000000000000",
    isOpen: true,
    description: "firmware rollback",
    thing: "pump-7",
    services: ["SSH", "VNC"],
    source: { isConnected: false },
    destination: { isConnected: true, since: NOW - 3 * MINUTE },
    openedAt: NOW - 10 * MINUTE,
    endsAt: NOW + 110 * MINUTE,
    tokenSavedAt: NOW - 9 * MINUTE,
    tags: ["team=field"],
  },
  { tunnelId: "bbbbbbbb-0000-4000-8000-000000000000", isOpen: true, openedAt: NOW - 20 * MINUTE },
  { tunnelId: "cccccccc-0000-4000-8000-000000000000", isOpen: false, openedAt: NOW - 5 * MINUTE },
];

/** A source with one connection that has carried `bytes` each way. */
export function sourceStatus(bytes: number, session: Partial<SessionStatus> = {}): ProcessStatus {
  const connection = {
    connectionId: 1,
    service: "SSH",
    openedAt: NOW - 65_000,
    bytesToTunnel: bytes,
    bytesFromTunnel: bytes,
  };
  return {
    version: 1,
    pid: 4711,
    command: "proxy source",
    startedAt: NOW - 70_000,
    sessions: [
      {
        id: "one",
        mode: "source",
        tunnelId: TUNNELS[0]?.tunnelId,
        services: ["SSH"],
        link: "connected",
        roundTripMs: 12.4,
        queuedBytes: 2_048,
        reconnects: 1,
        listening: ["SSH 127.0.0.1:2222"],
        openConnections: 1,
        connections: [connection],
        bytesToTunnel: bytes,
        bytesFromTunnel: bytes,
        ...session,
      },
    ],
    recent: [{ number: 1, at: NOW - 65_000, text: "SSH: connection 1 opened" }],
  };
}

/** The state after `actions`, on a terminal without colours. */
export function stateOf(size: { columns: number; rows: number }, ...actions: Action[]): State {
  const start = initialState({
    now: NOW,
    ...size,
    colours: false,
    title: "tunnel list · local",
    hasControlPlane: true,
  });
  return actions.reduce(reduce, start);
}

/** Tunnels, and a source that carries 1 kB a second each way and then 3 kB. */
export function busyState(size: { columns: number; rows: number }): State {
  return stateOf(
    size,
    { type: "tunnels", tunnels: TUNNELS, now: NOW },
    { type: "process", status: sourceStatus(1_000), now: NOW - 2_000 },
    { type: "process", status: sourceStatus(2_000), now: NOW - 1_000 },
    { type: "process", status: sourceStatus(5_000), now: NOW },
  );
}
