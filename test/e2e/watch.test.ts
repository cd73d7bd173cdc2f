// The live screen in a real terminal (tmux), and what --watch does where there is none.
import { afterAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { startOperator, THING } from "../helpers/operators.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel, tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

const SERVER = `tunnel-test-${process.pid}`;

function tmux(...args: readonly string[]): string {
  const stdio = ["ignore", "pipe", "ignore"] as const;
  return execFileSync("tmux", ["-L", SERVER, "-f", "/dev/null", ...args], {
    encoding: "utf8",
    stdio: [...stdio],
  });
}

afterAll(() => {
  try {
    tmux("kill-server");
  } catch {
    // No test of this file started it.
  }
});

interface Terminal extends Disposable {
  /** What is on the screen, without trailing spaces. */
  readonly screen: () => string;
  /** … with colours. */
  readonly colours: () => string;
  readonly says: (text: string | RegExp) => Promise<string>;
  readonly keys: (...keys: readonly string[]) => void;
  readonly resize: (columns: number, rows: number) => void;
}

/** A shell in a terminal of its own. */
function openTerminal(name: string, columns: number, rows: number, env: NodeJS.ProcessEnv): Terminal {
  const size = ["-x", String(columns), "-y", String(rows)];
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const shell = ["env", "-i", "TERM=screen-256color", "LANG=C.UTF-8", `PATH=${process.env["PATH"]}`];
  tmux("-u", "new-session", "-d", "-s", name, ...size, ...shell, "PS1=$ ", ...variables, "sh");
  const screen = () => tmux("capture-pane", "-p", "-t", name).trimEnd();
  const matches = (text: string | RegExp) => (shown: string) =>
    typeof text === "string" ? shown.includes(text) : text.test(shown);
  return {
    screen,
    colours: () => tmux("capture-pane", "-p", "-e", "-t", name),
    says: async (text) => {
      try {
        return await waitFor(String(text), () => [screen()].find(matches(text)), 15_000);
      } catch (error) {
        throw new Error(`${error}; the screen:\n${screen()}`);
      }
    },
    keys: (...keys) => void tmux("send-keys", "-t", name, ...keys),
    resize: (x, y) => void tmux("resize-window", "-t", name, "-x", String(x), "-y", String(y)),
    [Symbol.dispose]: () => void tmux("kill-session", "-t", name),
  };
}

async function makeUser() {
  const dir = tempDir();
  const server = await serveLocal();
  const env: NodeJS.ProcessEnv = { HOME: dir.path, XDG_STATE_HOME: join(dir.path, "state") };
  const open = async (...args: string[]) => {
    const { stdout } = await runTunnel(["open", "--service", "SSH", "--json", ...args, ...server.local], env);
    return JSON.parse(stdout) as Record<"tunnelId" | "sourceAccessToken" | "destinationAccessToken", string>;
  };
  return {
    env,
    open,
    words: (...args: string[]) => [...tunnelCommand(), ...args, ...server.local].join(" "),
    start: (...args: string[]) => startTunnel([...args, ...server.local], env),
    run: (...args: string[]) => runTunnel([...args, ...server.local], env),
    statusSockets: () => {
      const directory = join(dir.path, "state/tunnel/run");
      return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

test("a terminal shows tunnels and traffic live, rotates and closes after asking, and is as before afterwards", async () => {
  await using user = await makeUser();
  await using device = await startTcpServer();
  const { tunnelId } = await user.open("--thing", "pump-7", "--description", "rollback");
  const short = tunnelId.slice(0, 8);
  using terminal = openTerminal("list", 100, 30, user.env);
  terminal.keys("echo be", "fore", "Enter");
  terminal.keys(user.words("list", "--watch"), "Enter");
  await terminal.says(new RegExp(`› ${short} pump-7 +SSH +○ ○ 11h59m +rollback`));
  terminal.keys("r");
  await terminal.says(`rotate ${short}: s source, d destination, a all, n nothing`);
  terminal.keys("s");
  // The proxy below takes the new token: the old one is worth nothing now.
  await terminal.says(`rotated the source token of ${tunnelId}`);
  await using destination = user.start("proxy", "destination", "-d", `SSH=127.0.0.1:${device.port}`);
  await destination.waitForLine(/connected to the tunnel/, "stderr");
  await using source = user.start("proxy", "source", "-p", "SSH=0");
  const [, port] = await source.waitForLine(/^SSH listening on 127\.0\.0\.1:(\d+)$/);
  await terminal.says(new RegExp(`› ${short} .*● ●`));
  const socket = connect(Number(port), "127.0.0.1");
  socket.write("x".repeat(5_000));
  await terminal.says(/SSH 1 .*↑5\.0 kB +↓5\.0 kB/);
  await terminal.says(/round trip \d+ ms, end to end \d+ ms, queue 0 B, 0 reconnects/);
  expect(terminal.colours()).toContain("\u001b[32m●");
  socket.destroy();
  terminal.resize(20, 12);
  await terminal.says("? help  q quit");
  terminal.resize(100, 30);
  await terminal.says("rollback");
  terminal.keys("x");
  await terminal.says(`close ${short} for good, for both sides? y/n`);
  terminal.keys("y");
  await terminal.says(`closed ${tunnelId}`);
  expect((await source.exited).code).toBe(0);
  terminal.keys("q");
  const after = await terminal.says(/\n\$$/);
  expect(after).toContain("tunnel: local:");
  expect(after).not.toContain("TUNNEL ");
  terminal.keys("stty -a | grep -c ' icanon'; echo code $?", "Enter");
  await terminal.says("1\ncode 0");
}, 60_000);

test("it is drawn where CI is set, and keeps what was said before when the terminal becomes smaller", async () => {
  await using user = await makeUser();
  await user.open("--thing", "pump-7");
  using terminal = openTerminal("history", 100, 30, { ...user.env, CI: "true" });
  terminal.keys("seq -f said-%g 200; clear", "Enter");
  terminal.keys(user.words("list", "--watch"), "Enter");
  await terminal.says("pump-7");
  terminal.resize(60, 10);
  await terminal.says(/c copy id …/); // drawn anew, for the size that is there now
  terminal.keys("q");
  await terminal.says(/\n\$$/);
  expect(tmux("capture-pane", "-p", "-S", "-", "-t", "history")).toContain("said-100\n");
  terminal.keys("echo $CI", "Enter");
  await terminal.says("true");
}, 60_000);

test("a proxy shows itself without a word outside its screen; SIGTERM gives the terminal back", async () => {
  await using user = await makeUser();
  await user.open();
  using terminal = openTerminal("proxy", 80, 20, { ...user.env, NO_COLOR: "1" });
  terminal.keys(`${user.words("proxy", "source", "-p", "SSH=0", "--watch")}; echo code $?`, "Enter");
  const shown = await terminal.says(/● proxy source \d+ \w+ SSH 127\.0\.0\.1:\d+/);
  expect(shown).toContain("connected to the tunnel");
  expect(shown).not.toContain("listening on");
  // biome-ignore lint/complexity/useRegexLiterals: the literal would hold a control character
  expect(terminal.colours()).not.toMatch(new RegExp("\u001b\\[[349][0-7]"));
  const [, pid] = /proxy source (\d+)/.exec(shown) ?? [];
  process.kill(Number(pid), "SIGTERM");
  const after = await terminal.says("code 0");
  expect(after).not.toContain("EVENTS");
  expect(user.statusSockets()).toEqual([]);
}, 30_000);

describe("without a terminal", () => {
  test("each change is a line, and the end is the signal's", async () => {
    await using user = await makeUser();
    const { tunnelId } = await user.open("--thing", "pump-7");
    await using watch = user.start("describe", tunnelId, "--watch");
    const short = tunnelId.slice(0, 8);
    await watch.waitForLine(
      new RegExp(`Z ${short} open pump-7 SSH source disconnected destination disconnected$`),
    );
    await user.run("close", tunnelId);
    await watch.waitForLine(new RegExp(`Z ${short} closed`));
    expect(watch.lines.stdout).toHaveLength(2);
    watch.signal("SIGTERM");
    expect((await watch.exited).code).toBe(143);
  }, 30_000);

  test("with --json each change is a document", async () => {
    await using user = await makeUser();
    await using watch = user.start("list", "--watch", "--json");
    const { tunnelId } = await user.open();
    await watch.waitForLine(/^\{/);
    expect(JSON.parse(watch.lines.stdout[0] ?? "")).toMatchObject({
      event: "tunnel",
      tunnel: { tunnelId, isOpen: true },
    });
  }, 30_000);

  test("a tunnel that is not there is an error", async () => {
    await using user = await makeUser();
    const { code, stderr } = await user.run("describe", "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d", "--watch");
    expect(code).toBe(66);
    expect(stderr).toContain("1a2b3c4d");
  }, 30_000);

  test("a proxy says what it says without --watch", async () => {
    await using user = await makeUser();
    await user.open();
    await using source = user.start("proxy", "source", "-p", "SSH=0", "--watch");
    await source.waitForLine(/^SSH listening on/);
  }, 30_000);
});

test("a connect shows how it comes about, and closes what it opened when its screen is quit", async () => {
  await using operator = await startOperator();
  await using device = await startTcpServer();
  await operator.startDevice(device.port);
  using terminal = openTerminal("connect", 100, 24, operator.env);
  terminal.keys(
    `${tunnelCommand().join(" ")} connect --watch --thing ${THING} --service SSH --local ${operator.server.stateDir}; echo code $?`,
    "Enter",
  );
  await terminal.says("opened tunnel");
  await terminal.says(/SSH listening on 127\.0\.0\.1:\d+/);
  await terminal.says(/round trip \d+ ms/);
  terminal.keys("q");
  await terminal.says("code 0");
  expect(await operator.openTunnels()).toEqual([]);
});

test("a dumb terminal gets lines", async () => {
  await using user = await makeUser();
  await user.open();
  using terminal = openTerminal("dumb", 80, 20, { ...user.env, TERM: "dumb" });
  terminal.keys(user.words("list", "--watch"), "Enter");
  await terminal.says(/Z \w{8} open/);
  expect(terminal.screen()).not.toContain("quit");
}, 30_000);

test("the status socket tells no token and is gone after kill -9 and the next start", async () => {
  await using user = await makeUser();
  const tunnel = await user.open();
  await using source = user.start("proxy", "source", "-p", "SSH=0", "--log-level", "trace");
  await source.waitForLine(/listening/);
  const [path = ""] = user.statusSockets();
  const told = await new Promise<string>((resolve, reject) => {
    const socket = connect(path).setEncoding("utf8");
    socket.once("error", reject).once("data", (text) => {
      socket.destroy();
      resolve(String(text));
    });
  });
  expect(JSON.parse(told)).toMatchObject({
    pid: source.pid,
    sessions: [{ tunnelId: tunnel.tunnelId, link: "connected", services: ["SSH"] }],
  });
  const said = told + source.stdout + source.stderr + readFileSync(`/proc/${source.pid}/cmdline`, "utf8");
  expect(said).not.toContain(tunnel.sourceAccessToken);
  expect(said).not.toContain(tunnel.destinationAccessToken);
  await source.kill();
  expect(existsSync(path)).toBe(true);
  await using next = user.start("proxy", "source", "-p", "SSH=0");
  await next.waitForLine(/listening/);
  expect(user.statusSockets()).toEqual([expect.stringContaining(`/${next.pid}.sock`)]);
}, 30_000);
