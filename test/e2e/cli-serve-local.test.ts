// serve-local as a command: what it prints, around which command it runs, how it ends.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadRoots } from "../../src/net/roots.ts";
import { TestProcess } from "../helpers/process.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY, runTunnel, startTunnel, tunnelCommand } from "../helpers/tunnel.ts";

describe("the ready line", () => {
  test("is one object with every address and path", async () => {
    await using server = await serveLocal();
    expect(server.process.lines.stdout).toHaveLength(1);
    const ready = JSON.parse(server.process.stdout);
    expect(ready).toMatchObject({
      event: "ready",
      ...server.endpoint,
      stateDirectory: server.stateDir,
      caDirectory: join(server.stateDir, "ca/certs"),
    });
  });

  test("is a sentence for people; the next command follows on stderr", async () => {
    using dir = tempDir();
    await using server = startTunnel(["serve-local", "--listen", "0"], { XDG_STATE_HOME: dir.path });
    await server.waitForLine(
      /^serve-local is ready on https:\/\/localhost:\d+ \(us-east-1, state in .*\/tunnel\/local\)$/,
    );
    await server.waitForLine(/next: tunnel open --service SSH --local$/, "stderr");
  });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s ends it with 0, and the tunnels are there at the next start",
  async (signal) => {
    using dir = tempDir();
    const stateDir = join(dir.path, "state");
    const env = { XDG_STATE_HOME: dir.path };
    await using first = await serveLocal({ stateDir });
    const { stdout } = await runTunnel(["open", "--json", ...first.local], env);
    first.process.signal(signal);
    expect(await first.process.exited).toEqual({ code: 0, signal: null });
    const gone = await runTunnel(["list", ...first.local], env);
    expect([gone.code, gone.stderr.includes(`hint: tunnel serve-local --state-dir ${stateDir}`)]).toEqual([
      69,
      true,
    ]);
    await using second = await serveLocal({ stateDir });
    const list = await runTunnel(["list", "--json", ...second.local], env);
    expect(JSON.parse(list.stdout).tunnelSummaries[0].tunnelId).toBe(JSON.parse(stdout).tunnelId);
  },
);

test("nohup keeps it running without its terminal", async () => {
  using dir = tempDir();
  const words = [...tunnelCommand(), "serve-local", "--listen", "0", "--state-dir", join(dir.path, "state")];
  await using server = new TestProcess("nohup", words, { ...process.env, HOME: dir.path });
  await server.waitForLine(/^serve-local is ready/);
  server.signal("SIGHUP");
  const local = ["--local", join(dir.path, "state")];
  expect((await runTunnel(["list", ...local])).code).toBe(0);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

describe("around a command", () => {
  const around = (script: string, env: NodeJS.ProcessEnv = {}) =>
    runTunnel(["serve-local", "--ephemeral", "--listen", "0", "--", "sh", "-c", script], env);

  test.each([
    ["exit 0", 0],
    ["exit 7", 7],
    ["kill -9 $$", 137],
    ["kill -TERM $$", 143],
  ])("%s is exit code %d", async (script, expected) => {
    expect(await around(script)).toMatchObject({ code: expected, stdout: "" });
  });

  test("the environment leads to it, and nothing else in it leads elsewhere", async () => {
    const { stdout } = await around("env", {
      AWS_PROFILE: "real",
      AWS_SESSION_TOKEN: "real",
      AWS_SECURITY_TOKEN: "real",
      AWS_CREDENTIAL_EXPIRATION: "real",
      AWS_ACCESS_KEY_ID: "real",
      AWS_REGION: "eu-west-1",
      AWSIOT_TUNNEL_ACCESS_TOKEN: "real",
      AWS_USE_FIPS_ENDPOINT: "true",
      KEPT: "as it is",
    });
    const env = Object.fromEntries(stdout.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2)));
    const [, port] = /^https:\/\/localhost:(\d+)$/.exec(env["AWS_ENDPOINT_URL_IOTSECURETUNNELING"]) ?? [];
    expect(env).toMatchObject({
      AWSIOT_TUNNEL_ENDPOINT: `localhost:${port}`,
      AWS_REGION: "eu-west-1",
      AWS_DEFAULT_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      KEPT: "as it is",
    });
    expect(env["TUNNEL_LOCAL"]).toStartWith("/");
    expect(stdout).not.toContain("=real");
    expect(stdout).not.toContain("FIPS");
  });

  test("our own commands need no option, and their tokens go when it ends", async () => {
    using dir = tempDir();
    const script = '"$0" "$@" open --service SSH >/dev/null && "$0" "$@" list --json';
    const own = process.env["TUNNEL_FROM_SOURCE"] === undefined ? [BINARY] : ["bun", "src/cli/main.ts"];
    const args = ["serve-local", "--ephemeral", "--listen", "0", "--", "sh", "-c", script, ...own];
    const { code, stdout } = await runTunnel(args, { XDG_STATE_HOME: dir.path, HOME: dir.path });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).tunnelSummaries).toHaveLength(1);
    expect(readdirSync(join(dir.path, "tunnel/tokens"))).toEqual([]);
  });

  test("the bundle of certificates has the emulator's, the system's and those set before", async () => {
    await using other = await serveLocal();
    const script =
      'cat "$AWS_CA_BUNDLE" && cmp -s "$AWS_CA_BUNDLE" "$SSL_CERT_FILE" && cat "$TUNNEL_LOCAL/ca/ca.pem"';
    const { code, stdout } = await around(script, { AWS_CA_BUNDLE: other.endpoint.ca });
    expect(code).toBe(0);
    using dir = tempDir();
    const path = join(dir.path, "bundle.pem");
    writeFileSync(path, stdout);
    expect(loadRoots([path]).length).toBeGreaterThan(100);
    expect(stdout).toContain(readFileSync(other.endpoint.ca, "utf8").trim());
    const [own = ""] = stdout.split("-----BEGIN CERTIFICATE-----").slice(-1);
    expect(stdout.split(own.trim()).length).toBe(3);
  });

  test("a signal is handed on, and the command's own code comes back", async () => {
    const script = 'trap "exit 5" TERM; echo started; while :; do sleep 0.05; done';
    const words = ["serve-local", "--ephemeral", "--listen", "0", "--", "sh", "-c", script];
    await using server = startTunnel(words);
    await server.waitForLine(/started/);
    server.signal("SIGTERM");
    expect(await server.exited).toEqual({ code: 5, signal: null });
  });

  test("the terminal's end is handed on too, and the state directory goes", async () => {
    using dir = tempDir();
    const script = 'trap "exit 6" HUP; echo started; while :; do sleep 0.05; done';
    const words = ["serve-local", "--ephemeral", "--listen", "0", "--", "sh", "-c", script];
    await using server = startTunnel(words, { TMPDIR: dir.path });
    await server.waitForLine(/started/);
    expect(readdirSync(dir.path).some((name) => name.startsWith("tunnel-local-"))).toBe(true);
    server.signal("SIGHUP");
    expect(await server.exited).toEqual({ code: 6, signal: null });
    expect(readdirSync(dir.path).filter((name) => name.startsWith("tunnel-local-"))).toEqual([]);
  });

  test("that does not heed a signal is killed by the next one, and the state directory goes", async () => {
    using dir = tempDir();
    const script = 'trap "echo no" TERM; echo started $$; while :; do sleep 0.05; done';
    const words = ["serve-local", "--ephemeral", "--listen", "0", "--", "sh", "-c", script];
    await using server = startTunnel(words, { TMPDIR: dir.path });
    const pid = Number((await server.waitForLine(/started (\d+)/))[1]);
    server.signal("SIGTERM");
    await server.waitForLine(/^no$/);
    server.signal("SIGTERM");
    expect(await server.exited).toEqual({ code: 137, signal: null });
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(readdirSync(dir.path).filter((name) => name.startsWith("tunnel-local-"))).toEqual([]);
  });

  test("that cannot be run is named", async () => {
    const { code, stderr } = await runTunnel([
      "serve-local",
      "--ephemeral",
      "--listen",
      "0",
      "--",
      "no-such-program",
    ]);
    expect([code, stderr.includes('cannot run "no-such-program": not found')]).toEqual([64, true]);
  });
});

describe("--env", () => {
  test("prints lines that a shell takes, for the emulator that runs", async () => {
    await using server = await serveLocal();
    const { code, stdout } = await runTunnel(["serve-local", "--env", "--state-dir", server.stateDir]);
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^unset .*\bAWS_PROFILE\b/);
    expect(lines).toContain(`export AWS_ENDPOINT_URL_IOTSECURETUNNELING=${server.endpoint.controlPlane}`);
    expect(lines).toContain(`export TUNNEL_LOCAL=${server.stateDir}`);
  });

  test("starts nothing: without one it is 69, also after a kill", async () => {
    using dir = tempDir();
    expect((await runTunnel(["serve-local", "--env", "--state-dir", dir.path])).code).toBe(69);
    const stateDir = join(dir.path, "state");
    const server = await serveLocal({ stateDir });
    await server.process.kill();
    expect(readdirSync(stateDir)).toContain("endpoint.json");
    expect((await runTunnel(["serve-local", "--env", "--state-dir", stateDir])).code).toBe(69);
  });
});

describe("mistakes", () => {
  test.each([
    [["--listen", "0.0.0.0:0"], 64, "0.0.0.0"],
    [["--listen", "nowhere"], 64, 'listen "nowhere" (from --listen)'],
    [["--ephemeral", "--state-dir", "/x"], 64, "exclude each other"],
    [["--env", "--ephemeral"], 64, "--env only prints"],
    [["--local"], 64, "is what --local talks to"],
    [["--account-id", "1"], 64, "12 digits"],
    [["--ephemeral", "--listen", "0", "--"], 64, "no command after --"],
  ] as const)("%p", async (args, expected, message) => {
    const { code, stderr } = await runTunnel(["serve-local", ...args]);
    expect([code, stderr.includes(message)]).toEqual([expected, true]);
  });

  test("no place for temporary files is 78", async () => {
    const words = ["serve-local", "--ephemeral", "--listen", "0"];
    const { code, stderr } = await runTunnel(words, { TMPDIR: "/nonexistent" });
    expect([code, stderr.split("\n")]).toEqual([
      78,
      [
        'tunnel: error: cannot make a directory in "/nonexistent": no such file or directory',
        "tunnel: hint: set TMPDIR to a directory that can be written, or name one with --state-dir",
      ],
    ]);
  });

  test("a port that is taken is 71", async () => {
    await using taken = await startTcpServer();
    const { code } = await runTunnel(["serve-local", "--ephemeral", "--listen", String(taken.port)]);
    expect(code).toBe(71);
  });
});
