import { describe, expect, test } from "bun:test";
import { type Effect, type Key, press } from "../../../src/tui/key-presses.ts";
import { selectedTunnel, visibleTunnels } from "../../../src/tui/select.ts";
import type { State } from "../../../src/tui/state.ts";
import { NOW, stateOf, TUNNELS } from "./samples.ts";

const LISTED = stateOf({ columns: 100, rows: 30 }, { type: "tunnels", tunnels: TUNNELS, now: NOW });
const [OPEN = "", OTHER = "", CLOSED = ""] = TUNNELS.map(({ tunnelId }) => tunnelId);

function type(
  state: State,
  ...keys: readonly (string | Key)[]
): { state: State; effects: readonly Effect[] } {
  const effects: Effect[] = [];
  let after = state;
  for (const key of keys) {
    const pressed = press(after, typeof key === "string" ? { text: key } : key);
    after = pressed.state;
    if (pressed.effect !== undefined) effects.push(pressed.effect);
  }
  return { state: after, effects };
}

const named = (name: NonNullable<Key["name"]>): Key => ({ text: "", name });

describe("close", () => {
  test("asks first", () => {
    const asked = type(LISTED, "x");
    expect(asked.effects).toEqual([]);
    expect(asked.state.screen).toEqual({ type: "ask-close", tunnelId: OPEN });
    expect(type(asked.state, "y").effects).toEqual([{ type: "close", tunnelId: OPEN }]);
  });

  test.each(["n", "Y", "x", " "])("does nothing after %j", (answer) => {
    const { state, effects } = type(LISTED, "x", answer);
    expect(effects).toEqual([]);
    expect(state.notice?.text).toBe("not closed");
  });

  test("is about the tunnel that was asked about, also when the list changes meanwhile", () => {
    const asked = type(LISTED, "x").state;
    const changed = { ...asked, tunnels: TUNNELS.slice(1) };
    expect(type(changed, "y").effects).toEqual([{ type: "close", tunnelId: OPEN }]);
  });

  test("is not offered for a closed tunnel, nor without a control plane", () => {
    expect(type({ ...LISTED, selectedId: CLOSED }, "x").state.notice?.text).toContain("is closed");
    expect(type({ ...LISTED, hasControlPlane: false }, "x", "y").effects).toEqual([]);
  });
});

test.each([
  ["s", "source"],
  ["d", "destination"],
  ["a", "all"],
] as const)("r and %s rotate the %s", (answer, mode) => {
  expect(type(LISTED, "r", answer).effects).toEqual([{ type: "rotate", tunnelId: OPEN, mode }]);
});

test("r and any other key rotate nothing", () => {
  expect(type(LISTED, "r", "y").effects).toEqual([]);
});

test("arrows, j and k choose a tunnel and stop at the ends", () => {
  const chosen = (...keys: readonly (string | Key)[]) =>
    selectedTunnel(type(LISTED, ...keys).state)?.tunnelId;
  expect(chosen(named("up"))).toBe(OPEN);
  expect(chosen("j")).toBe(OTHER);
  expect(chosen(named("down"), named("down"), named("down"))).toBe(CLOSED);
  expect(chosen("j", "k")).toBe(OPEN);
});

test("the filter is typed, corrected, kept and cleared; letters are no commands meanwhile", () => {
  const typed = type(LISTED, "/", "v", "q", named("backspace"), "nc");
  expect(typed.effects).toEqual([]);
  expect(visibleTunnels(typed.state).map(({ tunnelId }) => tunnelId)).toEqual([OPEN]);
  const kept = type(typed.state, named("return")).state;
  expect(kept).toMatchObject({ filter: "vnc", screen: { type: "browse" } });
  expect(type(kept, named("escape")).state.filter).toBe("");
});

test("s goes through the sorts", () => {
  expect(type(LISTED, "s").state.sort).toBe("thing");
  expect(type(LISTED, "s", "s", "s").state.sort).toBe("newest");
});

test("c copies the id, ? shows the help until a key, q and Ctrl-C quit from anywhere", () => {
  expect(type(LISTED, "c").effects).toEqual([{ type: "copy", text: OPEN }]);
  expect(type(LISTED, "?").state.screen.type).toBe("help");
  expect(type(LISTED, "?", "q")).toMatchObject({ effects: [], state: { screen: { type: "browse" } } });
  expect(type(LISTED, "q").effects).toEqual([{ type: "quit" }]);
  expect(type(LISTED, "/", named("interrupt")).effects).toEqual([{ type: "quit" }]);
});
