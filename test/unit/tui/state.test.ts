import { describe, expect, test } from "bun:test";
import { layoutOf, selectedTunnel, sessionRows, visibleTunnels } from "../../../src/tui/select.ts";
import { rateKey, reduce } from "../../../src/tui/state.ts";
import type { TunnelView } from "../../../src/tui/tunnel-view.ts";
import { busyState, NOW, sourceStatus, stateOf, TUNNELS } from "./samples.ts";

const SIZE = { columns: 100, rows: 30 };
const LISTED = { type: "tunnels", tunnels: TUNNELS, now: NOW } as const;

describe("tunnels", () => {
  test("are sorted: open ones first, then the newest", () => {
    expect(visibleTunnels(stateOf(SIZE, LISTED)).map(({ tunnelId }) => tunnelId[0])).toEqual(["a", "b", "c"]);
  });

  test("keep the details that a later list does not tell", () => {
    const bare = TUNNELS.map(({ tunnelId, isOpen }) => ({ tunnelId, isOpen }));
    const state = stateOf(SIZE, LISTED, { type: "tunnels", tunnels: bare, now: NOW });
    expect(state.tunnels[0]).toEqual(TUNNELS[0] as TunnelView);
  });

  test("tell what changed, once", () => {
    const [tunnel] = TUNNELS;
    if (tunnel === undefined) throw new Error("no sample");
    const changed = { ...tunnel, source: { isConnected: true } };
    const state = stateOf(
      SIZE,
      LISTED,
      { type: "tunnel", tunnel: changed, now: NOW },
      { type: "tunnel", tunnel: changed, now: NOW },
    );
    expect(state.events.map(({ text }) => text)).toEqual(["aaaaaaaa source connected"]);
  });

  test("that are gone are forgotten, and with them the choice", () => {
    const chosen = { ...stateOf(SIZE, LISTED), selectedId: TUNNELS[0]?.tunnelId };
    const state = reduce(chosen, { type: "tunnels", tunnels: TUNNELS.slice(1), now: NOW });
    expect(selectedTunnel(state)?.tunnelId[0]).toBe("b");
    expect(state.selectedId).toBeUndefined();
  });

  test("stay when the control plane fails, until it answers again", () => {
    const failed = stateOf(SIZE, LISTED, { type: "poll-failed", message: "throttled" });
    expect(failed.tunnels).toHaveLength(3);
    expect(failed.pollFailure).toBe("throttled");
    expect(reduce(failed, LISTED).pollFailure).toBeUndefined();
  });
});

describe("processes", () => {
  test("get a rate from two samples, both ways together", () => {
    const rates = busyState(SIZE).processes.get(4711)?.rates;
    expect(rates?.get("one")).toEqual([2_000, 6_000]);
    expect(rates?.get(rateKey("one", 1))).toEqual([2_000, 6_000]);
  });

  test("keep a bounded number of rates and events", () => {
    let state = stateOf(SIZE);
    for (let second = 0; second < 500; second += 1) {
      state = reduce(state, { type: "process", status: sourceStatus(second), now: NOW + second * 1_000 });
      state = reduce(state, { type: "event", text: `line ${second}`, now: NOW + second * 1_000 });
    }
    expect(state.processes.get(4711)?.rates.get("one")).toHaveLength(20);
    expect(state.events).toHaveLength(200);
    expect(state.events.at(-1)?.text).toBe("line 499");
  });

  test("tell each of their events once; one's own come as log lines", () => {
    expect(busyState(SIZE).events.map(({ text }) => text)).toEqual([
      "proxy source: SSH: connection 1 opened",
    ]);
    const own = stateOf(SIZE, { type: "process", status: sourceStatus(0), now: NOW, isOwn: true });
    expect(own.events).toEqual([]);
  });

  test("of the selected tunnel come first, and are gone when they end", () => {
    const other = { ...sourceStatus(0, { id: "two", tunnelId: "dddd" }), pid: 1 };
    const state = stateOf(
      SIZE,
      { type: "process", status: other, now: NOW },
      { type: "process", status: sourceStatus(0), now: NOW },
      LISTED,
    );
    expect(sessionRows(state)[0]).toMatchObject({ pid: 4711 });
    const after = reduce(state, { type: "process-gone", pid: 4711, now: NOW });
    expect(sessionRows(after)[0]).toMatchObject({ pid: 1 });
    expect(after.events.at(-1)?.text).toBe("proxy source (process 4711) ended");
  });
});

test("an answer makes room for the keys again after five seconds", () => {
  const told = stateOf(SIZE, { type: "notice", text: "closed" });
  expect(reduce(told, { type: "tick", now: NOW + 4_999 }).notice?.text).toBe("closed");
  expect(reduce(told, { type: "tick", now: NOW + 5_000 }).notice).toBeUndefined();
});

test("control characters of log lines and failures never reach the terminal", () => {
  const state = stateOf(SIZE, { type: "event", text: "a\u001b[2Jb\r\n", now: NOW });
  expect(state.events[0]?.text).toBe("a\\u001b[2Jb");
});

test.each([0, 1, 3, 6, 10, 16, 24, 50, 200])("the parts of a screen of %d rows fit into it", (rows) => {
  const { tunnels, hasDetails, sessions, events } = layoutOf(busyState({ columns: 80, rows }));
  const lines = tunnels + 1 + (hasDetails ? 5 : 0) + (sessions > 0 ? sessions + 1 : 0);
  if (rows >= 6) expect(2 + lines + (events > 0 ? events + 1 : 0)).toBeLessThanOrEqual(rows - 1);
  expect(Math.min(tunnels, sessions, events)).toBeGreaterThanOrEqual(0);
});
