import { afterEach, describe, expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import { cleanup, render } from "ink-testing-library";
import { createElement } from "react";
import { App } from "../../../src/tui/app.tsx";
import type { Effect } from "../../../src/tui/key-presses.ts";
import { reduce, type State } from "../../../src/tui/state.ts";
import { Store } from "../../../src/tui/view-store.ts";
import { waitFor } from "../../helpers/wait.ts";
import { busyState, NOW, sourceStatus, stateOf, TUNNELS } from "./samples.ts";

afterEach(cleanup);

function show(state: State) {
  const store = new Store(state);
  const effects: Effect[] = [];
  const screen = render(createElement(App, { store, onEffect: (effect) => void effects.push(effect) }));
  const lines = () =>
    stripVTControlCharacters(screen.lastFrame() ?? "")
      .split("\n")
      .map((line) => line.trimEnd());
  const says = (text: string) => waitFor(JSON.stringify(text), () => lines().join("\n").includes(text));
  return { store, effects, lines, says, type: (text: string) => screen.stdin.write(text) };
}

test("a wide screen shows everything", () => {
  expect(show(busyState({ columns: 100, rows: 20 })).lines()).toEqual([
    "tunnel list · local · 3 tunnels",
    "  TUNNEL   THING                    SERVICES       S D LEFT    DESCRIPTION",
    "› aaaaaaaa pump-7                   SSH,VNC        ○ ● 1h50m   firmware rollback",
    "  bbbbbbbb                                         · ·",
    "  cccccccc                                         · · closed",
    "aaaaaaaa-0000-4000-8000-000000000000 pump-7",
    "source disconnected",
    "destination connected for 3m",
    "opened 10m ago, 1h50m left, source token 9m old",
    "SSH, VNC · firmware rollback · team=field",
    "ON THIS MACHINE",
    "● proxy source 4711 aaaaaaaa SSH 127.0.0.1:2222",
    "  ▃█ 6.0 kB/s ↑5.0 kB ↓5.0 kB, round trip 12 ms, queue 2.0 kB, 1 reconnect",
    "  SSH 1          1m     ↑5.0 kB  ↓5.0 kB  ▃█ 6.0 kB/s",
    "EVENTS",
    "  1m proxy source: SSH: connection 1 opened",
    "",
    "",
    "↑ ↓ choose  / filter  s sort  r rotate  x close  c copy id  ? help  q quit",
  ]);
});

test("what is held, and the round trip to the other end, as far as there is room", () => {
  const lines = (columns: number) => {
    const connections = sourceStatus(5_000).sessions.flatMap((each) => each.connections);
    const held = connections.map((each) => ({ ...each, isHeld: true }));
    const status = sourceStatus(5_000, { endToEndMs: 30, heldConnections: 1, connections: held });
    const state = busyState({ columns, rows: 20 });
    return show(reduce(state, { type: "process", status, now: NOW }))
      .lines()
      .join("\n");
  };
  expect(lines(100)).toContain("1 held, round trip 12 ms, end to end 30 ms, queue 2.0 kB");
  expect(lines(100)).toMatch(/SSH 1 .* held$/m);
  expect(lines(80)).toContain("1 held, end to end 30 ms, queue 2.0 kB");
});

test("what others call things cannot draw", () => {
  const hostile = "a\u001b[2J\u009b2J\u202e\u200b\nb";
  const tunnels = TUNNELS.map((each) => ({
    ...each,
    thing: hostile,
    description: hostile,
    services: [hostile],
    tags: [hostile],
  }));
  const screen = show({
    ...busyState({ columns: 200, rows: 20 }),
    title: hostile,
    tunnels,
    pollFailure: hostile,
  })
    .lines()
    .join("\n");
  expect(screen).toContain("a\\u001b[2J\\u009b2J\\u202e\\u200b\\u000ab");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  expect(screen).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
});

test("60 columns lose the services and the description, 14 rows the details", () => {
  expect(show(busyState({ columns: 60, rows: 14 })).lines()).toEqual([
    "tunnel list · local · 3 tunnels",
    "  TUNNEL   THING           S D LEFT",
    "› aaaaaaaa pump-7          ○ ● 1h50m",
    "  bbbbbbbb                 · ·",
    "  cccccccc                 · · closed",
    "ON THIS MACHINE",
    "● proxy source 4711 aaaaaaaa SSH 127.0.0.1:2222",
    "  ▃█ 6.0 kB/s ↑5.0 kB ↓5.0 kB, round trip 12 ms, queue 2.0 …",
    "  SSH 1          1m     ↑5.0 kB  ↓5.0 kB  ▃█ 6.0 kB/s",
    "EVENTS",
    "  1m proxy source: SSH: connection 1 opened",
    "",
    "↑ ↓ choose  / filter  s sort  r rotate  x close  c copy id …",
  ]);
});

test("20 columns still tell tunnels, sides and rates", () => {
  expect(show(busyState({ columns: 20, rows: 14 })).lines()).toEqual([
    "tunnel list · local…",
    "  TUNNEL   S D LEFT",
    "› aaaaaaaa ○ ● 1h50m",
    "  bbbbbbbb · ·",
    "  cccccccc · · clos…",
    "ON THIS MACHINE",
    "● source aaaaaaaa",
    "  6.0 kB/s",
    "  1 6.0 kB/s",
    "EVENTS",
    "  1m proxy source: …",
    "",
    "? help  q quit",
  ]);
});

test.each([
  [100, 20],
  [60, 14],
  [20, 14],
  [20, 4],
  [5, 3],
  [1, 1],
])("nothing is wider or higher than a terminal of %d × %d", (columns, rows) => {
  const lines = show(busyState({ columns, rows })).lines();
  expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
});

describe("the keyboard", () => {
  test("asks before it closes", async () => {
    const screen = show(busyState({ columns: 80, rows: 24 }));
    screen.type("x");
    await screen.says("close aaaaaaaa for good, for both sides? y/n");
    expect(screen.effects).toEqual([]);
    screen.type("y");
    await screen.says("closing aaaaaaaa…");
    expect(screen.effects).toEqual([{ type: "close", tunnelId: TUNNELS[0]?.tunnelId ?? "" }]);
  });

  test("filters, moves, helps and quits", async () => {
    const screen = show(busyState({ columns: 80, rows: 24 }));
    screen.type("\u001b[B");
    await screen.says("› bbbbbbbb");
    screen.type("/");
    await screen.says("/▏");
    screen.type("pump");
    await screen.says("filter: pump");
    expect(screen.lines().join()).not.toContain("bbbbbbbb");
    screen.type("\r");
    await screen.says("? help");
    screen.type("?");
    await screen.says("rotate access tokens (asks which)");
    screen.type(" ");
    await screen.says("TUNNEL");
    screen.type("\u0003");
    await waitFor("the end", () => screen.effects.length > 0);
    expect(screen.effects).toEqual([{ type: "quit" }]);
  });
});

test("the screen follows the store, a new size included", async () => {
  const screen = show(stateOf({ columns: 80, rows: 24 }));
  expect(screen.lines()[0]).toBe("tunnel list · local · asking…");
  screen.store.dispatch({ type: "tunnels", tunnels: [], now: NOW });
  await screen.says("no tunnels");
  screen.store.dispatch({ type: "resize", columns: 40, rows: 10 });
  await waitFor("the smaller screen", () => screen.lines().length === 9);
});
