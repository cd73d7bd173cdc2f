// The completions as the real shells use them, and where the tunnels and things they offer come from.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/words/command-table.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { installProgram, SHELLS } from "../helpers/shells.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel } from "../helpers/tunnel.ts";

function makeHome() {
  const dir = tempDir();
  const seen = join(dir.path, ".local/state/tunnel/seen");
  mkdirSync(seen, { recursive: true });
  writeFileSync(join(seen, "tunnels"), "aaaa-1\tpump-7\nbbbb-2\n");
  writeFileSync(join(seen, "things"), "pump-7\npress-1\nsite:valve\n");
  mkdirSync(join(dir.path, "things"));
  writeFileSync(join(dir.path, "thing.pem"), "");
  installProgram(dir.path);
  return dir;
}

const FIRST_WORDS = [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""))].sort();

describe.each(Object.entries(SHELLS))("%s offers", (shell, complete) => {
  const rows: [string, string[]][] = [
    ["tunnel op", ["open"]],
    ["tunnel ", FIRST_WORDS],
    ["tunnel --json --region eu-west-1 pro", ["proxy"]],
    ["tunnel proxy ", ["destination", "source"]],
    ["tunnel serve-local thing ", ["add", "list", "remove"]],
    ["tunnel open --desc", ["--description"]],
    ["tunnel list --desc", []],
    ["tunnel proxy source -p 1 --keep", ["--keepalive"]],
    ["tunnel rotate --mode ", ["all", "destination", "source"]],
    ["tunnel rotate aaaa-1 --mode s", ["source"]],
    ["tunnel list --log-level t", ["trace"]],
    ["tunnel completion ", ["bash", "fish", "zsh"]],
    ["tunnel open --thing p", ["press-1", "pump-7"]],
    ["tunnel describe ", ["aaaa-1", "bbbb-2"]],
    ["tunnel describe --json a", ["aaaa-1"]],
    ["tunnel describe --local ", ["aaaa-1", "bbbb-2"]],
    ["tunnel describe --region x ", ["aaaa-1", "bbbb-2"]],
  ];
  test.each(rows)("%p → %j", (line, expected) => {
    using home = makeHome();
    expect([...new Set(complete(line, home.path))].sort()).toEqual(expected);
  });

  test("no second id after the first", () => {
    using home = makeHome();
    // zsh offers options where nothing else is left.
    expect(complete("tunnel describe aaaa-1 ", home.path).filter((each) => !each.startsWith("-"))).toEqual(
      [],
    );
  });

  test("files where files are meant, and directories where only these are", () => {
    using home = makeHome();
    const names = (line: string) =>
      [...new Set(complete(line, home.path).map((each) => each.replace(/^\.\/|\/$/g, "")))].sort();
    expect(names("tunnel list --ca thi")).toEqual(["thing.pem", "things"]);
    expect(names("tunnel serve-local --state-dir thi")).toEqual(["things"]);
    expect(names("tunnel list --local ./thi")).toEqual(["things"]);
  });

  test("a value after =, and a thing with a colon in its name", () => {
    using home = makeHome();
    const whole = (prefix: string, offers: string[]) =>
      offers.map((offer) => (offer.startsWith(prefix) ? offer.slice(prefix.length) : offer));
    expect(whole("--thing=", complete("tunnel open --thing=pu", home.path))).toEqual(["pump-7"]);
    expect(whole("site:", complete("tunnel open --thing site:", home.path))).toEqual(["valve"]);
  });

  test("another command after --", () => {
    using home = makeHome();
    expect(complete("tunnel serve-local -- printen", home.path)).toContain("printenv");
  });

  test("no option twice that takes one value, and again one that can be repeated", () => {
    using home = makeHome();
    const line = "tunnel open --service SSH --thing pump-7 --";
    const offers = complete(line, home.path);
    expect(offers).toContain("--service");
    expect(offers).not.toContain("--thing");
  });

  test("nothing, says nothing and waits for nothing where the program is not ours or does not work", () => {
    using home = makeHome();
    const programs = {
      old: "echo 'tunnel: error: unknown command \"complete\"' >&2; exit 64",
      failing: "printf ':words\\nopen\\n'; exit 70",
      killed: "printf ':words\\nopen\\n'; kill -9 $$",
      foreign: "printf 'Usage: tunnel [open|close]\\nopen\\n'",
      silent: "exit 0",
      reading: "cat; echo NOISE >&2",
      hanging: "trap '' TERM; while :; do sleep 1; done",
    };
    for (const [name, script] of Object.entries(programs)) {
      installProgram(home.path, script);
      expect([name, complete("tunnel ", home.path)]).toEqual([name, []]);
    }
    rmSync(join(home.path, "bin/tunnel"));
    expect(complete("tunnel ", home.path)).toEqual([]);
    const said = readFileSync(join(home.path, "said"), "utf8");
    expect(said).not.toMatch(/NOISE|error|[Kk]illed|not found/);
    expect(said.includes("tunnel ")).toBe(shell === "zsh");
  }, 30_000);

  test("a program by its path, and no token in its arguments", () => {
    using home = makeHome();
    const asked = join(home.path, "asked");
    installProgram(home.path, `printf '%s\\n' "$@" >> ${asked}; printf ':words\\n--json\\n'`);
    renameSync(join(home.path, "bin"), join(home.path, "own"));
    const token = "AQGAAXhUN2lLsPzKr5vY1dCq0wEt9mJb";
    expect(complete(`tunnel proxy source -t ${token} --js`, home.path)).toEqual([]);
    expect(complete(`./own/tunnel proxy source -t ${token} --js`, home.path)).toEqual(["--json"]);
    expect(complete(`~/own/tunnel proxy source --access-token=${token} --js`, home.path)).toEqual(["--json"]);
    complete(`./own/tunnel proxy source -t ${token}`, home.path);
    expect(readFileSync(asked, "utf8")).toContain("complete\n--\nproxy\nsource\n-t\n");
    expect(readFileSync(asked, "utf8")).not.toContain(token);
  });

  test("what tunnel completion prints too", async () => {
    const file = { bash: "tunnel.bash", zsh: "_tunnel", fish: "tunnel.fish" }[shell] ?? "";
    const { stdout } = await runTunnel(["completion", shell]);
    expect(`${stdout}\n`).toBe(readFileSync(join(import.meta.dirname, "../../completions", file), "utf8"));
  });
});

test("a shell that nobody knows is 64", async () => {
  const { code, stderr } = await runTunnel(["completion", "tcsh"]);
  expect([code, stderr]).toEqual([
    64,
    'tunnel: error: "tcsh" is none of bash, zsh, fish\ntunnel: hint: tunnel completion bash',
  ]);
});

test("open, describe, list and close keep what completions offer, and no token", async () => {
  await using server = await serveLocal();
  using dir = tempDir();
  const env = { XDG_STATE_HOME: dir.path };
  const seen = join(dir.path, "tunnel/seen");
  const lines = (name: string) => readFileSync(join(seen, name), "utf8").split("\n").slice(0, -1);
  const open = ["open", "--thing", "pump-7", "--service", "SSH", "--json", ...server.local];
  const opened = JSON.parse((await runTunnel(open, env)).stdout);
  expect(lines("tunnels")).toEqual([`${opened.tunnelId}\tpump-7`]);
  const other = JSON.parse((await runTunnel(["open", "--json", ...server.local])).stdout).tunnelId;
  await runTunnel(["list", ...server.local], env);
  expect(lines("tunnels").sort()).toEqual([`${opened.tunnelId}\tpump-7`, other].sort());
  await runTunnel(["describe", opened.tunnelId, ...server.local], env);
  expect(lines("tunnels")[0]).toBe(`${opened.tunnelId}\tpump-7`);
  await runTunnel(["close", opened.tunnelId, ...server.local], env);
  expect([lines("tunnels"), lines("things")]).toEqual([[other], ["pump-7"]]);
  const kept = readdirSync(seen).map((name) => readFileSync(join(seen, name), "utf8"));
  for (const token of [opened.sourceAccessToken, opened.destinationAccessToken]) {
    expect(kept.join("")).not.toContain(token);
  }
});
