import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rememberSeen } from "../../../../../src/cli/words/completion/seen.ts";
import { tempDir } from "../../../../helpers/temp-dir.ts";

function makeState() {
  const dir = tempDir();
  const env = { XDG_STATE_HOME: dir.path };
  const seen = join(dir.path, "tunnel/seen");
  const lines = (name: string) => readFileSync(join(seen, name), "utf8").split("\n").slice(0, -1);
  return { env, seen, lines, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

test("what was seen last comes first, closed tunnels go, things stay", () => {
  using state = makeState();
  rememberSeen(state.env, [{ tunnelId: "a", thingName: "pump:7" }, { tunnelId: "b" }]);
  rememberSeen(state.env, [
    { tunnelId: "c", status: "OPEN" },
    { tunnelId: "a", status: "OPEN" },
  ]);
  expect(state.lines("tunnels")).toEqual(["c", "a\tpump:7", "b"]);
  rememberSeen(state.env, [{ tunnelId: "a", thingName: "pump:7", status: "CLOSED" }]);
  expect(state.lines("tunnels")).toEqual(["c", "b"]);
  expect(state.lines("things")).toEqual(["pump:7"]);
});

test("the files are private, bounded and hold nothing that a shell could take for more than a name", () => {
  using state = makeState();
  const many = Array.from({ length: 300 }, (_, n) => ({
    tunnelId: `${n}`.padEnd(36, "0"),
    thingName: `t${n}`.padEnd(128, "x"),
  }));
  rememberSeen(state.env, many);
  rememberSeen(state.env, [{ tunnelId: "x", thingName: "$(reboot)" }]);
  expect(state.lines("tunnels").length).toBe(50);
  expect(state.lines("things").length).toBe(100);
  expect(readdirSync(state.seen).sort()).toEqual(["things", "tunnels"]);
  for (const name of ["things", "tunnels"]) {
    const { mode, size } = statSync(join(state.seen, name));
    expect(mode & 0o777).toBe(0o600);
    expect(size).toBeLessThan(16_384);
    expect(readFileSync(join(state.seen, name), "utf8")).not.toContain("$");
  }
  expect(statSync(state.seen).mode & 0o777).toBe(0o700);
});

test("nothing is written when nothing changed", () => {
  using state = makeState();
  rememberSeen(state.env, [{ tunnelId: "a" }]);
  const before = statSync(join(state.seen, "tunnels")).ino;
  rememberSeen(state.env, [{ tunnelId: "a" }]);
  expect(statSync(join(state.seen, "tunnels")).ino).toBe(before);
});

test("it never fails", () => {
  using state = makeState();
  mkdirSync(join(state.seen, ".."), { recursive: true });
  writeFileSync(state.seen, "a file in the way");
  chmodSync(state.seen, 0o000);
  expect(() => rememberSeen(state.env, [{ tunnelId: "a", thingName: "b" }])).not.toThrow();
});
