import { escapeControl } from "../base/escape.ts";
import type { ProcessStatus } from "../proxy/status.ts";
import { mergeTunnel, shortId, type TunnelView, tunnelChanges } from "./tunnel-view.ts";

/** One line of the event list; `at` in milliseconds since 1970. */
export interface EventLine {
  readonly at: number;
  readonly text: string;
}

/** A process of this machine, and the rates of what it carries: bytes a second both ways, the newest last. */
export interface ProcessView {
  readonly status: ProcessStatus;
  readonly at: number;
  /** By session id, and by session id and connection: `rateKey`. */
  readonly rates: ReadonlyMap<string, readonly number[]>;
}

export const SORTS = ["newest", "thing", "time left"] as const;
export type Sort = (typeof SORTS)[number];

/** What the keyboard is for at the moment. */
export type Screen =
  | { readonly type: "browse" }
  | { readonly type: "filter" }
  | { readonly type: "help" }
  | { readonly type: "ask-close" | "ask-rotate"; readonly tunnelId: string };

export interface State {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
  /** What is watched: the command's words. */
  readonly title: string;
  /** There is a control plane: tunnels are shown, and can be rotated and closed. */
  readonly hasControlPlane: boolean;
  readonly tunnels: readonly TunnelView[];
  readonly isLoaded: boolean;
  readonly pollFailure?: string | undefined;
  readonly processes: ReadonlyMap<number, ProcessView>;
  readonly events: readonly EventLine[];
  readonly selectedId?: string | undefined;
  readonly filter: string;
  readonly sort: Sort;
  readonly screen: Screen;
  /** The answer to the last key, shown for a while. */
  readonly notice?: { readonly text: string; readonly until: number } | undefined;
}

export type Action =
  | { readonly type: "tick"; readonly now: number }
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  /** Every tunnel there is; one that is missing is gone. */
  | { readonly type: "tunnels"; readonly tunnels: readonly TunnelView[]; readonly now: number }
  /** Details of one tunnel. */
  | { readonly type: "tunnel"; readonly tunnel: TunnelView; readonly now: number }
  | { readonly type: "poll-failed"; readonly message: string }
  | {
      readonly type: "process";
      readonly status: ProcessStatus;
      readonly now: number;
      /** Its events come as log lines already. */
      readonly isOwn?: boolean;
    }
  | { readonly type: "process-gone"; readonly pid: number; readonly now: number }
  | { readonly type: "event"; readonly text: string; readonly now: number }
  | { readonly type: "notice"; readonly text: string };

/** Events kept: more than any screen shows. */
const MAX_EVENTS = 200;
/** How long an answer takes the place of the list of keys. */
const NOTICE_MS = 5_000;
/** Samples of a rate that are kept: as many as bars are drawn at most. */
const MAX_RATES = 20;
/** Tunnels shown at most: nobody reads on, and each costs a row at every change. */
const MAX_TUNNELS = 1_000;

export function initialState(
  options: Pick<State, "now" | "columns" | "rows" | "colours" | "title" | "hasControlPlane">,
): State {
  return {
    ...options,
    tunnels: [],
    isLoaded: false,
    processes: new Map(),
    events: [],
    filter: "",
    sort: "newest",
    screen: { type: "browse" },
  };
}

/** What the screen knows after something happened. Keys are keys.ts's. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "tick":
      return withTime(state, action.now);
    case "resize":
      return { ...state, columns: action.columns, rows: action.rows };
    case "tunnels":
      return withTunnels(state, action.tunnels, action.now);
    case "tunnel":
      return withTunnel(state, action.tunnel, action.now);
    case "poll-failed":
      return { ...state, pollFailure: clean(action.message) };
    case "process":
      return withProcess(state, action);
    case "process-gone":
      return withoutProcess(state, action.pid, action.now);
    case "event":
      return withEvents(state, [{ at: action.now, text: action.text }]);
    case "notice":
      return withNotice(state, action.text);
  }
}

/** Shows a sentence in the last line. */
export function withNotice(state: State, text: string): State {
  return { ...state, notice: { text: clean(text), until: state.now + NOTICE_MS } };
}

function withTime({ notice, ...state }: State, now: number): State {
  return { ...state, now, notice: notice !== undefined && notice.until > now ? notice : undefined };
}

/** Key of a connection's rates. */
export function rateKey(sessionId: string, connectionId: number): string {
  return `${sessionId}/${connectionId}`;
}

function withTunnels(state: State, listed: readonly TunnelView[], now: number): State {
  const known = new Map(state.tunnels.map((tunnel) => [tunnel.tunnelId, tunnel]));
  const tunnels = listed
    .slice(0, MAX_TUNNELS)
    .map((tunnel) => mergeTunnel(known.get(tunnel.tunnelId), tunnel));
  const events = tunnels.flatMap((tunnel) => changesOf(known.get(tunnel.tunnelId), tunnel, state.isLoaded));
  const isStillThere = tunnels.some(({ tunnelId }) => tunnelId === state.selectedId);
  const next = {
    ...state,
    tunnels,
    isLoaded: true,
    pollFailure: undefined,
    selectedId: isStillThere ? state.selectedId : undefined,
  };
  return withEvents(
    next,
    events.map((text) => ({ at: now, text })),
  );
}

function withTunnel(state: State, tunnel: TunnelView, now: number): State {
  const before = state.tunnels.find(({ tunnelId }) => tunnelId === tunnel.tunnelId);
  if (before === undefined && state.isLoaded) return state;
  const after = mergeTunnel(before, tunnel);
  const tunnels =
    before === undefined
      ? [...state.tunnels, after]
      : state.tunnels.map((each) => (each === before ? after : each));
  const events = changesOf(before, after, false).map((text) => ({ at: now, text }));
  return withEvents({ ...state, tunnels, pollFailure: undefined }, events);
}

function changesOf(before: TunnelView | undefined, after: TunnelView, isNew: boolean): readonly string[] {
  const name = shortId(after.tunnelId);
  if (before === undefined) return isNew ? [`${name} ${after.isOpen ? "opened" : "seen, closed"}`] : [];
  return tunnelChanges(before, after).map((change) => `${name} ${change}`);
}

function withProcess(state: State, action: Extract<Action, { type: "process" }>): State {
  const { status, now, isOwn } = action;
  const before = state.processes.get(status.pid);
  const isSame = before?.status.startedAt === status.startedAt;
  const seen = isSame ? (before.status.recent.at(-1)?.number ?? 0) : 0;
  const fresh = isOwn ? [] : status.recent.filter(({ number }) => number > seen);
  const view = { status, at: now, rates: ratesAfter(isSame ? before : undefined, status, now) };
  const processes = new Map(state.processes).set(status.pid, view);
  return withEvents(
    { ...state, processes },
    fresh.map(({ at, text }) => ({ at, text: `${status.command}: ${text}` })),
  );
}

function withoutProcess(state: State, pid: number, now: number): State {
  const gone = state.processes.get(pid);
  if (gone === undefined) return state;
  const processes = new Map(state.processes);
  processes.delete(pid);
  return withEvents({ ...state, processes }, [
    { at: now, text: `${gone.status.command} (process ${pid}) ended` },
  ]);
}

function ratesAfter(
  before: ProcessView | undefined,
  status: ProcessStatus,
  now: number,
): ProcessView["rates"] {
  const seconds = before === undefined ? 0 : (now - before.at) / 1_000;
  const then = before === undefined ? new Map<string, number>() : totals(before.status);
  const rates = [...totals(status)].map(([key, bytes]): [string, readonly number[]] => {
    const former = then.get(key);
    const known = before?.rates.get(key) ?? [];
    if (former === undefined || seconds <= 0) return [key, known];
    return [key, [...known, Math.max(0, bytes - former) / seconds].slice(-MAX_RATES)];
  });
  return new Map(rates);
}

function totals({ sessions }: ProcessStatus): Map<string, number> {
  return new Map(
    sessions.flatMap((session) => [
      [session.id, session.bytesToTunnel + session.bytesFromTunnel] as const,
      ...session.connections.map(
        (each) =>
          [rateKey(session.id, each.connectionId), each.bytesToTunnel + each.bytesFromTunnel] as const,
      ),
    ]),
  );
}

function withEvents(state: State, events: readonly EventLine[]): State {
  if (events.length === 0) return state;
  const cleaned = events.map(({ at, text }) => ({ at, text: clean(text) }));
  const all = [...state.events, ...cleaned].sort((one, other) => one.at - other.at);
  return { ...state, events: all.slice(-MAX_EVENTS) };
}

/** Texts of networks and logs: without line ends and control characters. */
function clean(text: string): string {
  return escapeControl(text.trimEnd(), 500);
}
