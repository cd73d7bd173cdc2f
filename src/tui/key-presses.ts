import { selectedTunnel, visibleTunnels } from "./select.ts";
import { type Screen, SORTS, type State, withNotice } from "./state.ts";
import { shortId } from "./tunnel-view.ts";

/** A key that was pressed, or text that was pasted. */
export interface Key {
  /** What it types; empty for the named ones. */
  readonly text: string;
  readonly name?: "up" | "down" | "return" | "escape" | "backspace" | "interrupt" | undefined;
}

/** What a key asks the world to do. */
export type Effect =
  | { readonly type: "quit" }
  | { readonly type: "copy"; readonly text: string }
  | { readonly type: "close"; readonly tunnelId: string }
  | {
      readonly type: "rotate";
      readonly tunnelId: string;
      readonly mode: "source" | "destination" | "all";
    };

export interface Pressed {
  readonly state: State;
  readonly effect?: Effect;
}

const MAX_FILTER_LENGTH = 60;
const BROWSE: Screen = { type: "browse" };

/** What a key does. */
export function press(state: State, key: Key): Pressed {
  if (key.name === "interrupt") return { state, effect: { type: "quit" } };
  switch (state.screen.type) {
    case "browse":
      return browse({ ...state, notice: undefined }, key);
    case "filter":
      return { state: filter(state, key) };
    case "help":
      return { state: { ...state, screen: BROWSE } };
    case "ask-close":
      return answerClose(state, state.screen.tunnelId, key);
    case "ask-rotate":
      return answerRotate(state, state.screen.tunnelId, key);
  }
}

function browse(state: State, key: Key): Pressed {
  if (key.name === "up") return { state: move(state, -1) };
  if (key.name === "down") return { state: move(state, 1) };
  if (key.name === "escape") return { state: { ...state, filter: "" } };
  switch (key.text) {
    case "q":
      return { state, effect: { type: "quit" } };
    case "?":
      return { state: { ...state, screen: { type: "help" } } };
    case "k":
      return { state: move(state, -1) };
    case "j":
      return { state: move(state, 1) };
    case "c":
      return copy(state);
    default:
      return { state: state.hasControlPlane ? browseTunnels(state, key.text) : state };
  }
}

function browseTunnels(state: State, text: string): State {
  const tunnel = selectedTunnel(state);
  if (text === "/") return { ...state, screen: { type: "filter" } };
  if (text === "s") {
    const sort = SORTS[(SORTS.indexOf(state.sort) + 1) % SORTS.length] ?? "newest";
    return withNotice({ ...state, sort }, `sorted by ${sort}`);
  }
  if (text !== "r" && text !== "x") return state;
  if (tunnel === undefined) return withNotice(state, "no tunnel");
  if (!tunnel.isOpen) return withNotice(state, `${shortId(tunnel.tunnelId)} is closed`);
  const type = text === "r" ? "ask-rotate" : "ask-close";
  return { ...state, screen: { type, tunnelId: tunnel.tunnelId } };
}

function move(state: State, by: number): State {
  const visible = visibleTunnels(state);
  const at = visible.findIndex(({ tunnelId }) => tunnelId === selectedTunnel(state)?.tunnelId);
  return { ...state, selectedId: visible[Math.max(0, Math.min(visible.length - 1, at + by))]?.tunnelId };
}

function copy(state: State): Pressed {
  const sessions = [...state.processes.values()].flatMap(({ status }) => status.sessions);
  const id = selectedTunnel(state)?.tunnelId ?? sessions.find(({ tunnelId }) => tunnelId)?.tunnelId;
  if (id === undefined) return { state: withNotice(state, "no tunnel id to copy") };
  return { state: withNotice(state, `copied ${id}`), effect: { type: "copy", text: id } };
}

function filter(state: State, key: Key): State {
  if (key.name === "return") return { ...state, screen: BROWSE };
  if (key.name === "escape") return { ...state, screen: BROWSE, filter: "" };
  if (key.name === "backspace") return { ...state, filter: state.filter.slice(0, -1) };
  if (key.name !== undefined || !/^[\x20-\x7e]+$/.test(key.text)) return state;
  return { ...state, filter: `${state.filter}${key.text}`.slice(0, MAX_FILTER_LENGTH) };
}

function answerClose(state: State, tunnelId: string, { text }: Key): Pressed {
  const next = { ...state, screen: BROWSE };
  if (text !== "y") return { state: withNotice(next, "not closed") };
  return { state: withNotice(next, `closing ${shortId(tunnelId)}…`), effect: { type: "close", tunnelId } };
}

const MODES = { s: "source", d: "destination", a: "all" } as const;

function answerRotate(state: State, tunnelId: string, { text }: Key): Pressed {
  const next = { ...state, screen: BROWSE };
  const mode = text === "s" || text === "d" || text === "a" ? MODES[text] : undefined;
  if (mode === undefined) return { state: withNotice(next, "not rotated") };
  return {
    state: withNotice(next, `rotating ${shortId(tunnelId)}…`),
    effect: { type: "rotate", tunnelId, mode },
  };
}
