// The agent command against a serve-local on the same machine.
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { AgentProcess, openTunnel, pause } from "../helpers/agents.ts";
import { TestProcess } from "../helpers/process.ts";
import { dialLocal, readAll } from "../helpers/proxies.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

/** Appends every datagram that comes to a Unix socket to a file, as the service manager's end of NOTIFY_SOCKET. */
function startReceiver(socket: string, log: string): TestProcess {
  return new TestProcess("socat", ["-u", `UNIX-RECV:${socket}`, `OPEN:${log},creat,append`], {
    PATH: process.env["PATH"],
  });
}

function agentFor(
  server: ServeLocal,
  map: readonly string[],
  more: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
) {
  const maps = map.flatMap((entry) => ["--map", entry]);
  return new AgentProcess(["--thing", "pump-7", ...maps, ...server.local, ...more], env);
}

function savedSessions(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith(".json"));
}

/** A source for a tunnel: sends `text` to one of its services and returns what comes back. */
async function echoThrough(
  server: ServeLocal,
  token: string,
  service: string,
  text: string,
): Promise<string> {
  await using source = startTunnel(["proxy", "source", "-p", `${service}=0`, "--json", ...server.local], {
    AWSIOT_TUNNEL_ACCESS_TOKEN: token,
  });
  const [, port] = await source.waitForLine(/"port":(\d+)/);
  const socket = await dialLocal(Number(port));
  socket.end(text);
  return String(await readAll(socket));
}

describe("tunnel agent", () => {
  test("carries a tunnel as soon as it is opened, and says afterwards what it carried", async () => {
    await using server = await serveLocal();
    await using echo = await startTcpServer();
    await using agent = agentFor(server, [`SSH=${echo.port}`]);
    await agent.waitFor("subscribed");
    const { tunnelId, sourceAccessToken } = await openTunnel(server, "pump-7", ["SSH"]);
    const { session } = await agent.waitFor("session-connected");
    expect(await echoThrough(server, sourceAccessToken, "SSH", "hello")).toBe("hello");
    await agent.waitFor("connection-closed");
    await runTunnel(["close", tunnelId, ...server.local]);
    expect(await agent.waitFor("session-ended")).toMatchObject({
      session,
      thing: "pump-7",
      region: "us-east-1",
      services: ["SSH"],
      connections: 1,
      bytesToTunnel: 5,
      bytesFromTunnel: 5,
      reason: "tunnel-closed",
    });
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    for (const text of [agent.process.stdout, agent.process.stderr]) {
      expect(text).not.toContain(sourceAccessToken);
    }
  });

  test("counts no connection that was never made", async () => {
    await using server = await serveLocal();
    // Not a free port: the source's own listener could be given it.
    await using agent = agentFor(server, ["SSH=127.0.0.1:1"]);
    await agent.waitFor("subscribed");
    const { tunnelId, sourceAccessToken } = await openTunnel(server, "pump-7", ["SSH"]);
    await agent.waitFor("session-connected");
    const refused = echoThrough(server, sourceAccessToken, "SSH", "hello").catch(() => "");
    await agent.waitFor("connection-closed");
    expect(await refused).toBe("");
    await runTunnel(["close", tunnelId, ...server.local]);
    expect(await agent.waitFor("session-ended")).toMatchObject({ connections: 0, reason: "tunnel-closed" });
  });

  test("serves several services of a tunnel, over TCP and a Unix socket, and several tunnels", async () => {
    await using server = await serveLocal();
    await using first = await startTcpServer((socket) => socket.end("first"));
    using dir = tempDir();
    const path = join(dir.path, "web.sock");
    const second = createServer((socket) => socket.end("second")).listen(path);
    await once(second, "listening");
    await using agent = agentFor(server, [`SSH=127.0.0.1:${first.port}`, `WEB=${path}`]);
    await agent.waitFor("subscribed");
    const both = await openTunnel(server, "pump-7", ["SSH", "WEB"]);
    const one = await openTunnel(server, "pump-7", ["WEB"]);
    await agent.waitFor("session-connected", 1);
    await using source = startTunnel(["proxy", "source", "-p", "SSH=0,WEB=0", "--json", ...server.local], {
      AWSIOT_TUNNEL_ACCESS_TOKEN: both.sourceAccessToken,
    });
    await source.waitForLine(/"WEB"/);
    const answers = source.lines.stdout.map((line) => JSON.parse(line) as { service: string; port: number });
    for (const { service, port } of answers) {
      expect(String(await readAll(await dialLocal(port)))).toBe(service === "SSH" ? "first" : "second");
    }
    expect(answers).toHaveLength(2);
    expect(await echoThrough(server, one.sourceAccessToken, "WEB", "x")).toBe("second");
    second.close();
  });

  test("that was away comes back when the destination's token is rotated", async () => {
    await using server = await serveLocal();
    const { tunnelId } = await openTunnel(server, "pump-7", ["SSH"]);
    await using agent = agentFor(server, ["SSH=22"]);
    await agent.waitFor("subscribed");
    expect(agent.told("session-started")).toEqual([]);
    const { code } = await runTunnel(["rotate", tunnelId, "--mode", "destination", ...server.local]);
    expect(code).toBe(0);
    await agent.waitFor("session-connected");
  });

  test("replaces a session by that of the rotated token, and the old one ends by itself", async () => {
    await using server = await serveLocal();
    await using agent = agentFor(server, ["SSH=22"]);
    await agent.waitFor("subscribed");
    const { tunnelId } = await openTunnel(server, "pump-7", ["SSH"]);
    const first = await agent.waitFor("session-connected");
    await runTunnel(["rotate", tunnelId, "--mode", "destination", ...server.local]);
    const second = await agent.waitFor("session-connected", 1);
    const ended = await agent.waitFor("session-ended");
    expect(ended.session).toBe(first.session);
    expect(["refused", "replaced"]).toContain(ended.reason);
    expect(second.session).not.toBe(first.session);
    await pause();
    expect(agent.told("session-ended")).toHaveLength(1);
  });

  test("goes on with every session after kill -9, and keeps their tokens to itself", async () => {
    await using server = await serveLocal();
    using home = tempDir();
    const env = { HOME: home.path };
    await using before = agentFor(server, ["SSH=22"], [], env);
    await before.waitFor("subscribed");
    await openTunnel(server, "pump-7", ["SSH"]);
    await openTunnel(server, "pump-7", ["SSH"]);
    await before.waitFor("session-connected", 1);
    await before.kill();
    const directory = join(home.path, ".local/state/tunnel/agent/pump-7");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(savedSessions(directory)).toHaveLength(2);
    const modes = readdirSync(directory).map((name) => statSync(join(directory, name)).mode & 0o777);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    await using after = agentFor(server, ["SSH=22"], [], env);
    await after.waitFor("session-connected", 1);
    expect(after.told("session-started").map(({ isResumed }) => isResumed)).toEqual([true, true]);
    const names = (agent: AgentProcess) =>
      agent
        .told("session-connected")
        .map(({ session }) => session)
        .toSorted();
    expect(names(after)).toEqual(names(before));
  });

  test("refuses a state directory that another one uses, and leaves its sessions alone", async () => {
    await using server = await serveLocal();
    using home = tempDir();
    const env = { HOME: home.path };
    await using first = agentFor(server, ["SSH=22"], [], env);
    await first.waitFor("subscribed");
    await openTunnel(server, "pump-7", ["SSH"]);
    await first.waitFor("session-connected");
    const directory = join(home.path, ".local/state/tunnel/agent/pump-7");
    await using second = agentFor(server, ["SSH=22"], [], env);
    expect((await second.process.exited).code).toBe(75);
    const { error } = JSON.parse(second.process.lines.stderr.at(-1) ?? "");
    expect(error.message).toBe(
      `another agent, process ${first.process.pid}, uses the state directory "${directory}"`,
    );
    expect(error.hint).toContain("--state-dir DIR");
    expect(savedSessions(directory)).toHaveLength(1);
    const elsewhere = ["--state-dir", join(home.path, "own")];
    await using third = agentFor(server, ["SSH=22"], elsewhere, env);
    await third.waitFor("subscribed");
    await first.kill();
    await using next = agentFor(server, ["SSH=22"], [], env);
    await next.waitFor("session-connected");
  });

  test("says that an audit line is lost, and goes on", async () => {
    await using server = await serveLocal();
    await using agent = agentFor(server, ["SSH=22"], ["--audit-file", "/dev/full"]);
    await agent.waitFor("subscribed");
    for (let count = 0; count < 2; count += 1) {
      const { tunnelId } = await openTunnel(server, "pump-7", ["SSH"]);
      await agent.waitFor("session-connected", count);
      await runTunnel(["close", tunnelId, ...server.local]);
      await agent.waitFor("session-ended", count);
    }
    await agent.process.waitForLine(/cannot write audit lines to "\/dev\/full": no space is left/, "stderr");
    expect(agent.process.stderr.match(/cannot write audit lines/g)).toHaveLength(1);
  });

  test("forgets a session whose tunnel was closed while it was away", async () => {
    await using server = await serveLocal();
    using home = tempDir();
    const env = { HOME: home.path };
    await using before = agentFor(server, ["SSH=22"], [], env);
    await before.waitFor("subscribed");
    const { tunnelId } = await openTunnel(server, "pump-7", ["SSH"]);
    await before.waitFor("session-connected");
    await before.stop();
    await runTunnel(["close", tunnelId, ...server.local]);
    await using after = agentFor(server, ["SSH=22"], [], env);
    expect((await after.waitFor("session-ended")).reason).toBe("refused");
    expect(savedSessions(join(home.path, ".local/state/tunnel/agent/pump-7"))).toEqual([]);
    expect(await after.stop()).toEqual({ code: 0, signal: null });
  });

  test("makes room in a full table, but never takes it from a connected session", async () => {
    await using server = await serveLocal();
    await using agent = agentFor(server, ["SSH=22"], ["--max-tunnels", "2"]);
    await agent.waitFor("subscribed");
    await openTunnel(server, "pump-7", ["SSH"]);
    await openTunnel(server, "pump-7", ["SSH"]);
    await agent.waitFor("session-connected", 1);
    await openTunnel(server, "pump-7", ["SSH"]);
    const refused = await agent.waitFor("notification-refused");
    expect(refused.reason).toBe("full");
    expect(refused.message).toContain("--max-tunnels");
    expect(agent.told("session-ended")).toEqual([]);
    expect(agent.process.lines.stderr.filter((line) => line.includes("refused"))).toHaveLength(1);
  });

  test("says which service leads nowhere, and dials nothing", async () => {
    await using server = await serveLocal();
    await using agent = agentFor(server, ["SSH=22"]);
    await agent.waitFor("subscribed");
    await openTunnel(server, "pump-7", ["SSH", "VNC"]);
    const [line] = await agent.process.waitForLine(/notification refused.*/, "stderr");
    expect(line).toContain('service "VNC"');
    expect(line).toContain("--map VNC=ADDRESS");
    await pause();
    expect(agent.told("session-started")).toEqual([]);
  });

  test("ends a session after --max-session", async () => {
    await using server = await serveLocal();
    await using agent = agentFor(server, ["SSH=22"], ["--max-session", "1s"]);
    await agent.waitFor("subscribed");
    await openTunnel(server, "pump-7", ["SSH"]);
    expect((await agent.waitFor("session-ended")).reason).toBe("max-session");
    expect(agent.told("session-connected")).toHaveLength(1);
  });

  test("told to stop, waits for open connections, takes no more tunnels, and exits 0", async () => {
    await using server = await serveLocal();
    await using echo = await startTcpServer();
    await using agent = agentFor(server, [`SSH=${echo.port}`]);
    await agent.waitFor("subscribed");
    const { sourceAccessToken } = await openTunnel(server, "pump-7", ["SSH"]);
    await using source = startTunnel(["proxy", "source", "-p", "SSH=0", "--json", ...server.local], {
      AWSIOT_TUNNEL_ACCESS_TOKEN: sourceAccessToken,
    });
    const port = Number((await source.waitForLine(/"port":(\d+)/))[1]);
    const socket = await dialLocal(port);
    socket.write("one");
    await new Promise((resolve) => socket.once("data", resolve));
    agent.process.signal("SIGTERM");
    expect((await agent.waitFor("draining")).connections).toBe(1);
    await openTunnel(server, "pump-7", ["SSH"]);
    socket.end("two");
    expect(String(await readAll(socket))).toBe("two");
    expect(await agent.process.exited).toEqual({ code: 0, signal: null });
    expect(agent.told("session-started")).toHaveLength(1);
    expect(agent.told("session-ended")).toMatchObject([{ reason: "agent-stopped", bytesToTunnel: 6 }]);
  });

  test("ends open connections once the grace period is over, and at once at the second signal", async () => {
    await using server = await serveLocal();
    await using echo = await startTcpServer();
    for (const [grace, signals] of [
      ["100ms", 1],
      ["1h", 2],
    ] as const) {
      await using agent = agentFor(server, [`SSH=${echo.port}`], ["--grace", grace]);
      await agent.waitFor("subscribed");
      const { sourceAccessToken } = await openTunnel(server, "pump-7", ["SSH"]);
      await using source = startTunnel(["proxy", "source", "-p", "SSH=0", "--json", ...server.local], {
        AWSIOT_TUNNEL_ACCESS_TOKEN: sourceAccessToken,
      });
      const port = Number((await source.waitForLine(/"port":(\d+)/))[1]);
      const socket = await dialLocal(port);
      socket.on("error", () => {});
      socket.write("one");
      await agent.waitFor("connection-opened");
      for (let count = 0; count < signals; count += 1) {
        agent.process.signal("SIGTERM");
        await agent.waitFor("draining");
      }
      const exit = await agent.process.exited;
      expect(exit).toEqual(signals === 1 ? { code: 0, signal: null } : { code: null, signal: "SIGTERM" });
    }
  });

  test("serves metrics and readiness on this machine", async () => {
    await using server = await serveLocal();
    const port = await freePort();
    await using agent = agentFor(server, ["SSH=22"], ["--metrics", String(port)]);
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    await agent.waitFor("subscribed");
    expect((await get("/ready")).status).toBe(200);
    await openTunnel(server, "pump-7", ["SSH"]);
    await agent.waitFor("session-connected");
    const text = await (await get("/metrics")).text();
    expect(text).toContain("tunnel_agent_sessions_connected 1");
    expect(text).toContain('tunnel_agent_notifications_total{result="accepted"} 1');
    await server.process.kill();
    await agent.waitFor("broker-lost");
    expect((await get("/ready")).status).toBe(503);
    expect((await get("/secrets")).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: "POST" })).status).toBe(405);
  });

  test("outlives a serve-local that goes and comes back", async () => {
    using dir = tempDir();
    const stateDir = join(dir.path, "local");
    const ports = [
      "--listen",
      `127.0.0.1:${await freePort()}`,
      "--mqtt-listen",
      `127.0.0.1:${await freePort()}`,
    ];
    await using server = await serveLocal({ stateDir, args: ports });
    await using agent = agentFor(server, ["SSH=22"]);
    await agent.waitFor("subscribed");
    const { tunnelId } = await openTunnel(server, "pump-7", ["SSH"]);
    await agent.waitFor("session-connected");
    await server.process.kill();
    await agent.waitFor("broker-lost");
    await agent.waitFor("session-disconnected");
    await using again = await serveLocal({ stateDir, args: ports });
    await agent.waitFor("subscribed", 1);
    await agent.waitFor("session-connected", 1);
    await runTunnel(["rotate", tunnelId, "--mode", "destination", ...again.local]);
    await agent.waitFor("session-started", 1);
  });

  test("writes audit lines to a file on request, and as the only thing to stdout otherwise", async () => {
    await using server = await serveLocal();
    using dir = tempDir();
    const auditFile = join(dir.path, "audit.jsonl");
    const words = ["agent", "--thing", "pump-7", "--map", "SSH=22", ...server.local];
    const expected = { thing: "pump-7", services: ["SSH"], reason: "agent-stopped", connections: 0 };
    for (const more of [[], ["--audit-file", auditFile]]) {
      await using agent = startTunnel([...words, ...more]);
      await agent.waitForLine(/subscribed/, "stderr");
      await openTunnel(server, "pump-7", ["SSH"]);
      await agent.waitForLine(/connected/, "stderr");
      await agent.stop();
      const text = more.length === 0 ? agent.stdout : readFileSync(auditFile, "utf8");
      expect(JSON.parse(text)).toMatchObject(expected);
      if (more.length > 0) expect(agent.stdout).toBe("");
    }
    expect(statSync(auditFile).mode & 0o777).toBe(0o600);
  });

  test("tells systemd that it is ready, alive and stopping", async () => {
    await using server = await serveLocal();
    using dir = tempDir();
    const socket = join(dir.path, "notify");
    const log = join(dir.path, "log");
    await using receiver = startReceiver(socket, log);
    await waitFor("the socket", () => statSync(socket, { throwIfNoEntry: false }));
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1000000" };
    await using agent = agentFor(server, ["SSH=22"], [], env);
    const messages = () => readFileSync(log, "utf8");
    await waitFor("READY", () => messages().includes("READY=1"));
    expect(agent.told("subscribed")).toHaveLength(1);
    await waitFor("WATCHDOG", () => messages().includes("WATCHDOG=1"));
    await agent.stop();
    await waitFor("STOPPING", () => messages().includes("STOPPING=1"));
    expect(receiver.pid).toBeGreaterThan(0);
  });
});
