// The local proxies as commands: which token they take, what they print, how they end.
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { TestProcess } from "../helpers/process.ts";
import { makeProxyUser } from "../helpers/proxy-user.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel, tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor, within } from "../helpers/wait.ts";
import { Wire } from "../helpers/wire.ts";

/** Whether a process has a handler of its own for SIGINT, signal 2. */
function catchesSigint(pid: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & 2n) !== 0n;
}

/** Sends a line through a port of this machine and returns what comes back. */
async function echo(port: number, line: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(line);
  const [data] = await once(socket, "data");
  socket.destroy();
  return String(data);
}

describe("a tunnel that was just opened", () => {
  test("needs no token on either side; bytes pass; SIGINT ends both with 0", async () => {
    await using user = await makeProxyUser();
    await using device = await startTcpServer();
    await user.open();
    await using destination = user.start(["destination", "-d", `SSH=127.0.0.1:${device.port}`]);
    await destination.waitForLine(/connected to the tunnel/, "stderr");
    await using source = user.start(["source", "-p", "SSH=0"]);
    const [, port] = await source.waitForLine(/^SSH listening on 127\.0\.0\.1:(\d+)$/);
    expect(await echo(Number(port), "hello\n")).toBe("hello\n");
    for (const proxy of [source, destination]) {
      proxy.signal("SIGINT");
      expect(await proxy.exited).toEqual({ code: 0, signal: null });
    }
    expect(source.lines.stdout).toHaveLength(1);
  });

  test("ends at once when the line about its listener cannot be written", async () => {
    await using user = await makeProxyUser();
    await user.open();
    const words = [
      ...tunnelCommand(),
      "proxy",
      "source",
      "-p",
      "SSH=0",
      "--log-level",
      "warn",
      ...user.server.local,
    ];
    const env = { ...process.env, ...user.env, HOME: user.dir };
    await using source = new TestProcess("sh", ["-c", 'exec "$@" >/dev/full', "sh", ...words], env);
    expect(await within("its end", source.exited)).toEqual({ code: 74, signal: null });
    expect(source.lines.stderr).toEqual([
      expect.stringMatching(/^tunnel: local: /),
      "tunnel: error: cannot write the answer: ENOSPC",
    ]);
  });

  test.each([
    ["SSH=0", ["--bind", "0.0.0.0"], 1],
    ["SSH=0.0.0.0:0", [], 1],
    ["SSH=localhost:0", [], 0],
    ["SSH=0", ["--bind", "127.0.0.1"], 0],
  ])("-p %s %j is said to be open to the network %d times", async (map, bind, times) => {
    await using user = await makeProxyUser();
    await user.open();
    await using source = user.start(["source", "-p", map, ...bind]);
    await source.waitForLine(/^SSH listening/);
    await source.stop();
    expect(source.lines.stderr.filter((line) => line.includes("open to the network"))).toHaveLength(times);
  });

  test("ends with 0 when its terminal is closed", async () => {
    await using user = await makeProxyUser();
    await user.open();
    await using source = user.start(["source", "-p", "SSH=0"]);
    await source.waitForLine(/^SSH listening/);
    source.signal("SIGHUP");
    expect(await source.exited).toEqual({ code: 0, signal: null });
  });

  test("can be taken up again with the kept token, since its client token is the same", async () => {
    await using user = await makeProxyUser();
    await user.open();
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      await using source = user.start(["source", "-p", "0", "--json"]);
      await source.waitForLine(/^\{/);
      expect(JSON.parse(source.stdout)).toEqual({
        event: "listening",
        service: "SSH",
        address: "127.0.0.1",
        port: expect.any(Number),
      });
      source.signal(signal);
      expect((await source.exited).code).toBe(0);
    }
  });

  test("ends a running proxy with 0 when it is closed, and its tokens are gone", async () => {
    await using user = await makeProxyUser();
    const { tunnelId } = await user.open();
    await using source = user.start(["source", "-p", "0"]);
    await source.waitForLine(/listening/);
    await runTunnel(["close", tunnelId, ...user.server.local], user.env);
    expect((await source.exited).code).toBe(0);
    expect(source.stderr).toMatch(
      /info +proxy\.source: the tunnel is over: it was closed or deleted, or has expired$/m,
    );
    expect(user.savedTokens()).toEqual([]);
  });
});

describe("several kept tokens", () => {
  test("are told apart by --tunnel", async () => {
    await using user = await makeProxyUser();
    const [first, second] = [await user.open(), await user.open()];
    const { code, stderr } = await runTunnel(["proxy", "source", "-p", "0", ...user.server.local], user.env);
    expect(code).toBe(64);
    expect(stderr).toContain(first.tunnelId);
    expect(stderr).toContain(`--tunnel ${second.tunnelId}`);
    await using source = user.start(["source", "-p", "0", "--tunnel", first.tunnelId]);
    await source.waitForLine(/listening/);
  });

  test("are named newest first with time and description, five at most", async () => {
    await using user = await makeProxyUser();
    const opened = [];
    for (let n = 0; n < 6; n += 1) opened.push(await user.open("--description", `number ${n}`));
    const ids = opened.map(({ tunnelId }) => tunnelId).toReversed();
    for (const [index, id] of ids.entries()) {
      const time = Date.now() / 1_000 - index;
      utimesSync(join(user.dir, `tunnel/tokens/${id}.source.json`), time, time);
    }
    const { code, stderr } = await runTunnel(["proxy", "source", "-p", "0", ...user.server.local], user.env);
    const named = ids.slice(0, 5).map((id, index) => `${id} \\([\\d: -]+ "number ${5 - index}"\\)`);
    expect(code).toBe(64);
    expect(stderr).toMatch(new RegExp(`tokens of 6 tunnels, the newest: ${named.join(", ")}\n`));
    expect(stderr).toContain(`--tunnel ${ids[0]}`);
    expect(stderr).not.toContain(ids[5] ?? "");
  });

  test("of a serve-local are not for AWS", async () => {
    await using user = await makeProxyUser();
    await user.open();
    const { code, stderr } = await runTunnel(
      ["proxy", "source", "-p", "0", "--region", "eu-west-1"],
      user.env,
    );
    expect(code).toBe(64);
    expect(stderr).toContain(`--local ${user.server.stateDir}`);
  });
});

describe("a token that was given", () => {
  test.each(["environment", "file", "standard input", "flag"])(
    "by %s serves again and again",
    async (way) => {
      await using user = await makeProxyUser();
      const { sourceAccessToken } = await user.open();
      const file = join(user.dir, "token");
      writeFileSync(file, `${sourceAccessToken}\n`);
      const words = {
        environment: [],
        file: ["--access-token-file", file],
        "standard input": ["--access-token-file", "-"],
        flag: ["-t", sourceAccessToken],
      };
      const env = way === "environment" ? { AWSIOT_TUNNEL_ACCESS_TOKEN: sourceAccessToken } : {};
      for (const _ of [1, 2]) {
        await using source = user.start(["source", "-p", "0", ...words[way as keyof typeof words]], env);
        source.send(way === "standard input" ? sourceAccessToken : "");
        source.send();
        await source.waitForLine(/listening/);
        await source.stop();
        expect(source.stderr.includes("command line can be read")).toBe(way === "flag");
        expect(source.stderr).not.toContain(sourceAccessToken);
      }
    },
  );

  test("goes before the kept one, but --tunnel goes before the environment", async () => {
    await using user = await makeProxyUser();
    const { tunnelId } = await user.open();
    const env = { ...user.env, AWSIOT_TUNNEL_ACCESS_TOKEN: "unknown-token" };
    const refused = await runTunnel(["proxy", "source", "-p", "0", ...user.server.local], env);
    expect(refused.code).toBe(77);
    expect(user.savedTokens()).toContain(`${tunnelId}.source.json`);
    await using source = user.start(["source", "-p", "0", "--tunnel", tunnelId], env);
    await source.waitForLine(/listening/);
  });

  test("only one way can be chosen", async () => {
    const { code, stderr } = await runTunnel([
      "proxy",
      "source",
      "-p",
      "0",
      "-t",
      "a",
      "--tunnel",
      "b",
      "--region",
      "eu-west-1",
    ]);
    expect([code, stderr.includes("only one of")]).toEqual([64, true]);
  });

  test.each([
    ["", "holds no access token"],
    ["two words", "holds no access token"],
    ["x".repeat(5_000), "holds no access token"],
    ["x".repeat(10_000), "larger than 8 KiB"],
  ])("and cannot be one is refused without being repeated", async (text, message) => {
    using dir = tempDir();
    const file = join(dir.path, "token");
    writeFileSync(file, text);
    const args = ["proxy", "source", "-p", "0", "--region", "eu-west-1", "--access-token-file", file];
    const { code, stderr } = await runTunnel(args, { XDG_STATE_HOME: dir.path });
    expect([code, stderr.includes(message), stderr.includes("words")]).toEqual([78, true, false]);
  });

  test("waiting for one on standard input can be interrupted", async () => {
    using dir = tempDir();
    const args = ["proxy", "source", "-p", "0", "--region", "eu-west-1", "--access-token-file", "-"];
    await using source = startTunnel([...args, "--log-level", "trace"], { XDG_STATE_HOME: dir.path });
    await waitFor("its signal handlers", () => catchesSigint(source.pid));
    source.signal("SIGINT");
    expect(await source.exited).toEqual({ code: 0, signal: null });
  });
});

test("a wrong client token is 77 and leaves the kept token, which is as good as before", async () => {
  await using user = await makeProxyUser();
  const { tunnelId } = await user.open();
  const kept = `${tunnelId}.source.json`;
  // Without a client token the first connection spends it.
  await using first = user.start(["source", "-p", "0", "--no-client-token", "--tunnel", tunnelId]);
  await first.waitForLine(/listening/);
  expect(user.savedTokens()).not.toContain(kept);
  await first.stop();
  await user.open();
  const rotated = await runTunnel(["rotate", tunnelId, "--mode", "source", ...user.server.local], user.env);
  expect(rotated.code).toBe(0);
  expect(user.savedTokens()).toContain(kept);
  const other = "0123456789abcdef0123456789abcdef";
  await using second = user.start(["source", "-p", "0", "--tunnel", tunnelId]);
  await second.waitForLine(/listening/);
  await second.stop();
  const words = ["proxy", "source", "-p", "0", "--tunnel", tunnelId, "--client-token", other];
  const refused = await runTunnel([...words, ...user.server.local, "--json"], user.env);
  expect(refused.code).toBe(77);
  expect(JSON.parse(refused.stderr.split("\n").at(-1) ?? "").error).toMatchObject({
    code: "ERR_HANDSHAKE_REJECTED",
    hint: expect.stringContaining(`tunnel rotate ${tunnelId} --mode source --local `),
  });
  expect(user.savedTokens()).toContain(kept);
  await using third = user.start(["source", "-p", "0", "--tunnel", tunnelId]);
  await third.waitForLine(/listening/);
});

describe("mistakes", () => {
  test.each([
    [["source"], 64, "-p is missing"],
    [["destination"], 64, "-d is missing"],
    [["source", "-p", "SSH"], 64, 'service map entry "SSH": no port'],
    [["source", "-p", "A=1", "-p", "A=2"], 64, "given before"],
    [["destination", "-d", "0"], 64, "from 1 to 65535"],
    [["source", "-p", "0", "--keepalive", "10"], 64, 'keepalive "10" (from --keepalive)'],
    [["source", "-p", "0", "--destination-client-type", "V4"], 64, "must be V1, V2 or V3"],
    [
      ["source", "-p", "0", "--client-token", "0123456789abcdef0123456789abcdef", "--no-client-token"],
      64,
      "exclude each other",
    ],
    [["source", "-p", "0"], 64, "no source access token"],
    [["source", "-p", "0", "-t", "x"], 78, "no region given"],
    [["source", "-p", "0", "--proxy-endpoint", "ws://host"], 64, "over TLS only"],
  ] as const)("%p", async (args, expected, message) => {
    const { code, stdout, stderr } = await runTunnel(["proxy", ...args]);
    expect([code, stdout, stderr.includes(message)]).toEqual([expected, "", true]);
  });

  test("services that the tunnel does not have are 78, a port that is taken 71", async () => {
    await using user = await makeProxyUser();
    await using taken = await startTcpServer();
    await user.open();
    const wrong = await runTunnel(["proxy", "source", "-p", "VNC=0", ...user.server.local], user.env);
    expect(wrong.code).toBe(78);
    const busy = await runTunnel(
      ["proxy", "source", "-p", `SSH=${taken.port}`, ...user.server.local],
      user.env,
    );
    expect(busy.code).toBe(71);
  });
});

test("a proxy whose link is dead still stops at once, with 0", async () => {
  await using local = await serveLocal();
  await using wire = await Wire.to(Number(new URL(local.endpoint.controlPlane).port));
  const opened = await runTunnel(["open", "--service", "SSH", "--json", ...local.local]);
  const { sourceAccessToken } = JSON.parse(opened.stdout);
  await using source = startTunnel(
    ["proxy", "source", "-p", "SSH=0", "--proxy-endpoint", `localhost:${wire.port}`, ...local.local],
    { AWSIOT_TUNNEL_ACCESS_TOKEN: sourceAccessToken },
  );
  await source.waitForLine(/listening/);
  wire.freeze();
  expect(await source.stop()).toEqual({ code: 0, signal: null });
});
