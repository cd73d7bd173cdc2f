// A user without a home, a directory of somebody else's in the environment: what needs no disk works, what needs one
// says which option moves it.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { OpenedTunnel } from "../helpers/agents.ts";
import { exchange, portOf, startEchoOperator, startOperator, THING } from "../helpers/operators.ts";
import { startHomeless } from "../helpers/other-user.ts";
import type { TestProcess } from "../helpers/process.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { strangersDirectory } from "../helpers/strangers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

setDefaultTimeout(30_000);

const KEPT_IN_MEMORY = /kept in memory only.*XDG_STATE_HOME/;

/** A serve-local with a tunnel, and what leads others to it without its state directory. */
async function startService() {
  const stack = new AsyncDisposableStack();
  const operator = stack.use(await startOperator());
  const dir = stack.use(tempDir());
  chmodSync(dir.path, 0o755);
  const { endpoint } = operator.server;
  const ca = join(dir.path, "ca.pem");
  copyFileSync(endpoint.ca, ca);
  chmodSync(ca, 0o644);
  const opened = await operator.run("open", "--service", "SSH", "--json");
  return {
    operator,
    ca,
    dataPlane: endpoint.dataPlane,
    tunnel: JSON.parse(opened.stdout) as OpenedTunnel,
    env: {
      AWS_REGION: endpoint.region,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_ENDPOINT_URL_IOTSECURETUNNELING: endpoint.controlPlane,
      AWSIOT_TUNNEL_ENDPOINT: endpoint.dataPlane,
      AWS_CA_BUNDLE: ca,
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function expectStopped(process: TestProcess): Promise<void> {
  expect(await process.stop()).toEqual({ code: 0, signal: null });
}

describe("without a home", () => {
  test("both proxies carry with a token from the environment or a file, and say what that means", async () => {
    await using service = await startService();
    await using echo = await startTcpServer();
    const { env, tunnel } = service;
    await using destination = startHomeless(["proxy", "destination", "-d", `SSH=127.0.0.1:${echo.port}`], {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: tunnel.destinationAccessToken,
    });
    await destination.waitForLine(KEPT_IN_MEMORY, "stderr");
    await using source = startHomeless(["proxy", "source", "-p", "0", "--access-token-file", "-"], env);
    source.send(tunnel.sourceAccessToken);
    source.send();
    expect(await exchange(await portOf(source), "no disk")).toBe("no disk");
    expect(source.stderr).toMatch(KEPT_IN_MEMORY);
    await expectStopped(source);
    await expectStopped(destination);
  });

  test("nor with a home of somebody else's, which cannot be entered", async () => {
    await using service = await startService();
    using home = tempDir();
    chmodSync(home.path, 0o700);
    await using source = startHomeless(["proxy", "source", "-p", "0"], {
      ...service.env,
      HOME: home.path,
      AWSIOT_TUNNEL_ACCESS_TOKEN: service.tunnel.sourceAccessToken,
    });
    // Only root has a home here that is somebody else's; anybody else's own holds the client token.
    if (process.getuid?.() === 0) await source.waitForLine(KEPT_IN_MEMORY, "stderr");
    await portOf(source);
    await expectStopped(source);
  });

  test("so does the reference proxy's command line", async () => {
    await using service = await startService();
    await using source = startHomeless(
      ["localproxy", "--mode", "src", "-e", service.dataPlane, "-c", service.ca],
      { AWSIOT_TUNNEL_ACCESS_TOKEN: service.tunnel.sourceAccessToken },
    );
    await source.waitForLine(/\[warning\].*kept in memory only/, "stderr");
    await source.waitForLine(/Listening for new connection on port \d+/, "stderr");
    await expectStopped(source);
  });

  test("the control plane is asked as ever", async () => {
    await using service = await startService();
    await using list = startHomeless(["list", "--json"], service.env);
    expect([(await list.exited).code, list.stdout]).toEqual([
      0,
      expect.stringContaining(service.tunnel.tunnelId),
    ]);
    await using connecting = startHomeless(
      ["connect", "--thing", THING, "--service", "SSH", "--wait", "0s"],
      {
        ...service.env,
        XDG_RUNTIME_DIR: "/root/none",
      },
    );
    expect((await connecting.exited).code).toBe(75);
    expect(connecting.stderr).toContain("closed tunnel");
  });

  test.each([
    [["open", "--service", "SSH"], "XDG_STATE_HOME=DIR"],
    [["rotate", "id", "--mode", "source"], "XDG_STATE_HOME=DIR"],
    [["agent", "--thing", "a", "--map", "SSH=22", "--mqtt-endpoint", "localhost:1"], "--state-dir"],
    [["serve-local", "--listen", "127.0.0.1:0"], "--state-dir"],
  ])("%j names the option that moves its directory", async (words, option) => {
    await using service = await startService();
    await using process = startHomeless(words, service.env);
    expect((await process.exited).code).toBe(78);
    expect(process.stderr).toContain(option);
    expect(process.stderr).not.toMatch(/\bE[A-Z]{3,}\b/);
  });

  test("an ephemeral serve-local needs none", async () => {
    await using server = startHomeless([
      "serve-local",
      "--ephemeral",
      "--listen",
      "127.0.0.1:0",
      "--",
      "true",
    ]);
    expect([(await server.exited).code, server.stderr]).toEqual([0, ""]);
  });
});

describe("XDG_RUNTIME_DIR", () => {
  test.each<[string, (directory: string) => string]>([
    ["of somebody else", (directory) => strangersDirectory(directory)],
    ["that is gone", (directory) => join(directory, "gone")],
  ])("%s: connect and its members meet elsewhere, and nothing is made there", async (_, place) => {
    await using operator = await startEchoOperator();
    using dir = tempDir();
    const runtime = place(dir.path);
    const env = { XDG_STATE_HOME: operator.env["XDG_STATE_HOME"], XDG_RUNTIME_DIR: runtime };
    const words = ["connect", "--thing", THING, "--service", "SSH", ...operator.server.local];
    await using first = startTunnel(words, env);
    expect(await exchange(await portOf(first), "elsewhere")).toBe("elsewhere");
    await using second = startTunnel([...words, "--", "true"], env);
    expect((await second.exited).code).toBe(0);
    expect(second.stderr).toContain("joined the tunnel connect of process");
    expect(existsSync(join(runtime, "tunnel"))).toBe(false);
    first.signal("SIGINT");
    expect((await first.exited).code).toBe(130);
  });

  test("with a link planted in it: the target keeps its mode, and close --stale knows what runs", async () => {
    await using echo = await startTcpServer();
    await using operator = await startOperator();
    using dir = tempDir();
    const target = join(dir.path, "target");
    mkdirSync(target);
    chmodSync(target, 0o755);
    symlinkSync(target, join(operator.env["XDG_RUNTIME_DIR"] ?? "", "tunnel"));
    await operator.startDevice(echo.port);
    await using connecting = operator.connect();
    await portOf(connecting);
    const { code, stdout } = await operator.run("close", "--stale");
    expect([code, stdout]).toEqual([0, ""]);
    expect(await operator.openTunnels()).toHaveLength(1);
    expect([statSync(target).mode & 0o777, readdirSync(target)]).toEqual([0o755, []]);
  });

  test("that a job of cron lacks: close --stale leaves alone what a session is opening", async () => {
    await using operator = await startOperator();
    const { XDG_STATE_HOME } = operator.env;
    await using connecting = startTunnel(
      ["connect", "--thing", THING, "--service", "SSH", ...operator.server.local],
      { XDG_STATE_HOME },
    );
    await connecting.waitForLine(/waiting for Pump-7 to connect/, "stderr");
    const { code, stdout } = await operator.run("close", "--stale");
    expect([code, stdout]).toEqual([0, ""]);
    expect(await operator.openTunnels()).toHaveLength(1);
  });
});

test("as the administrator by sudo, nothing is made in the home of the user", async () => {
  using dir = tempDir();
  const home = strangersDirectory(dir.path);
  const { code, stderr } = await runTunnel(["open", "--service", "SSH"], {
    HOME: home,
    SUDO_UID: String(statSync(home).uid),
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL_IOTSECURETUNNELING: "https://127.0.0.1:1",
  });
  expect([code, stderr.includes("XDG_STATE_HOME=DIR")]).toEqual([78, true]);
  expect(existsSync(join(home, ".local"))).toBe(false);
});

test("a damaged token file stands in nobody's way", async () => {
  await using operator = await startOperator();
  await operator.run("open", "--service", "SSH");
  const tokens = join(operator.env["XDG_STATE_HOME"] ?? "", "tunnel/tokens");
  const [name = ""] = readdirSync(tokens).filter((each) => each.endsWith(".source.json"));
  writeFileSync(join(tokens, "damaged.source.json"), '{"version":1}\r\n');
  const second = await operator.run("open", "--service", "SSH", "--json");
  expect(second.code).toBe(0);
  const { tunnelId } = JSON.parse(second.stdout) as OpenedTunnel;
  expect((await operator.run("rotate", tunnelId, "--mode", "source")).code).toBe(0);
  await using source = startTunnel(
    ["proxy", "source", "-p", "0", "--tunnel", tunnelId, ...operator.server.local],
    operator.env,
  );
  await portOf(source);
  expect(source.stderr).toContain("damaged.source.json");
  await source.stop();
  // Line ends inside a token, as an editor of another system leaves them.
  const text = readFileSync(join(tokens, name), "utf8");
  writeFileSync(join(tokens, name), text.replace(/("accessToken":"[^"]*)"/, '$1\\r\\n"'));
  const { code, stderr } = await operator.run(
    "proxy",
    "source",
    "-p",
    "0",
    "--tunnel",
    name.split(".")[0] ?? "",
  );
  expect([code, stderr.includes(`"${join(tokens, name)}" does not hold a saved token`)]).toEqual([64, true]);
});
