import type { ConnectionStatus } from "../proxy/facts.ts";
import type { SessionStatus } from "../proxy/status.ts";
import { type ProcessView, rateKey, type State } from "./state.ts";
import type { TunnelView } from "./tunnel-view.ts";

/** The tunnels that the filter lets through, sorted: open ones first. */
export function visibleTunnels({ tunnels, filter, sort }: State): readonly TunnelView[] {
  const wanted = filter.toLowerCase();
  const shown = tunnels.filter((tunnel) => textOf(tunnel).includes(wanted));
  const compare = {
    newest: (one: TunnelView, other: TunnelView) => (other.openedAt ?? 0) - (one.openedAt ?? 0),
    thing: (one: TunnelView, other: TunnelView) => (one.thing ?? "~").localeCompare(other.thing ?? "~"),
    "time left": (one: TunnelView, other: TunnelView) =>
      (one.endsAt ?? Number.MAX_VALUE) - (other.endsAt ?? Number.MAX_VALUE),
  }[sort];
  return [...shown].sort((one, other) => Number(other.isOpen) - Number(one.isOpen) || compare(one, other));
}

function textOf({ tunnelId, isOpen, thing, services, description, tags }: TunnelView): string {
  const words = [tunnelId, isOpen ? "open" : "closed", thing, description];
  return [...words, ...(services ?? []), ...(tags ?? [])].join(" ").toLowerCase();
}

/** The tunnel that keys are about: the first one until another one was chosen. */
export function selectedTunnel(state: State): TunnelView | undefined {
  const visible = visibleTunnels(state);
  return visible.find(({ tunnelId }) => tunnelId === state.selectedId) ?? visible[0];
}

/** A session, what it carries in all, or one of its connections, as a row. */
export type SessionRow =
  | {
      readonly type: "session";
      readonly key: string;
      readonly pid: number;
      readonly command: string;
      readonly session: SessionStatus;
    }
  | {
      readonly type: "traffic";
      readonly key: string;
      readonly session: SessionStatus;
      readonly rates: readonly number[];
    }
  | {
      readonly type: "connection";
      readonly key: string;
      readonly connection: ConnectionStatus;
      readonly rates: readonly number[];
    };

/** What processes of this machine carry: sessions of the selected tunnel first, each with its connections. */
export function sessionRows(state: State): readonly SessionRow[] {
  const selected = selectedTunnel(state);
  const isOfSelected = ({ tunnelId }: SessionStatus) =>
    tunnelId !== undefined && tunnelId === selected?.tunnelId;
  return [...state.processes.values()]
    .flatMap((process) => process.status.sessions.map((session) => ({ process, session })))
    .sort((one, other) => Number(isOfSelected(other.session)) - Number(isOfSelected(one.session)))
    .flatMap(({ process, session }) => rowsOf(process, session));
}

function rowsOf({ status, rates }: ProcessView, session: SessionStatus): readonly SessionRow[] {
  const { pid, command } = status;
  return [
    { type: "session", key: `${pid}/${session.id}`, pid, command, session },
    { type: "traffic", key: `${pid}/${session.id}/`, session, rates: rates.get(session.id) ?? [] },
    ...session.connections.map((connection): SessionRow => {
      const key = rateKey(session.id, connection.connectionId);
      return { type: "connection", key: `${pid}/${key}`, connection, rates: rates.get(key) ?? [] };
    }),
  ];
}

/** How many lines each part of the screen gets. */
export interface Layout {
  readonly tunnels: number;
  readonly hasDetails: boolean;
  readonly sessions: number;
  readonly events: number;
}

/** Lines of header and footer, and the last line of the terminal, which stays free so that nothing scrolls. */
const FIXED_LINES = 3;
const DETAIL_LINES = 5;

/** Parts the screen: tunnels and sessions take what they need of their share, events take the rest. */
export function layoutOf(state: State): Layout {
  const lines = Math.max(0, state.rows - FIXED_LINES);
  const tunnels = state.hasControlPlane
    ? Math.min(Math.max(1, visibleTunnels(state).length), Math.max(1, Math.floor(lines * 0.4) - 1))
    : 0;
  const afterTunnels = lines - (state.hasControlPlane ? tunnels + 1 : 0);
  const wanted = Math.min(4, sessionRows(state).length);
  const hasDetails = selectedTunnel(state) !== undefined && afterTunnels >= DETAIL_LINES + wanted + 3;
  const afterDetails = afterTunnels - (hasDetails ? DETAIL_LINES : 0);
  const share = Math.floor(afterDetails * (state.hasControlPlane ? 0.6 : 0.7)) - 1;
  const sessions = Math.max(0, Math.min(sessionRows(state).length, share));
  const events = Math.max(0, afterDetails - (sessions > 0 ? sessions + 1 : 0) - 1);
  return { tunnels, hasDetails, sessions, events };
}

/** The `count` items around the one at `index`. */
export function windowAround<T>(items: readonly T[], index: number, count: number): readonly T[] {
  const first = Math.max(0, Math.min(index - Math.floor(count / 2), items.length - count));
  return items.slice(first, first + count);
}
