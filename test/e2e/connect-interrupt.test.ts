// Whatever interrupts `tunnel connect`, and whenever: no tunnel that it opened, no listener, no child, no token.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  exchange,
  type Operator,
  portOf,
  startEchoOperator,
  startOperator,
  THING,
} from "../helpers/operators.ts";
import type { TestProcess } from "../helpers/process.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";
import { Wire } from "../helpers/wire.ts";

setDefaultTimeout(20_000);

const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

describe.each(SIGNALS)("%s", (signal, code) => {
  test("before the answer of OpenTunnel", async () => {
    await using operator = await startOperator();
    const { controlPlane, ca, region, dataPlane } = operator.server.endpoint;
    await using wire = await Wire.to(Number(new URL(controlPlane).port));
    wire.set({ latencyMs: 400 }, "down");
    const endpoints = ["--endpoint-url", `https://localhost:${wire.port}`, "--proxy-endpoint", dataPlane];
    await using connecting = startTunnel(
      ["connect", "--thing", THING, "--service", "SSH", "--region", region, "--ca", ca, ...endpoints],
      { ...operator.env, AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" },
    );
    await waitFor("the tunnel", async () => (await operator.openTunnels()).length > 0);
    expect(connecting.stderr).not.toContain("opened");
    connecting.signal(signal);
    expect((await connecting.exited).code).toBe(code);
    await expectNothingLeft(operator);
  });

  test("while the device is awaited", async () => {
    await using operator = await startOperator();
    await using connecting = operator.connect();
    await connecting.waitForLine(/waiting for Pump-7 to connect/, "stderr");
    connecting.signal(signal);
    expect((await connecting.exited).code).toBe(code);
    await expectNothingLeft(operator);
  });

  test("while connections are carried", async () => {
    await using operator = await startEchoOperator();
    await using connecting = operator.connect();
    const port = await portOf(connecting);
    const socket = connect(port, "127.0.0.1");
    socket.write("x");
    await once(socket, "data");
    connecting.signal(signal);
    await once(socket, "close");
    expect((await connecting.exited).code).toBe(code);
    expect(await exchange(port, "x").catch((error) => error.code)).toBe("ECONNREFUSED");
    await expectNothingLeft(operator);
  });

  test("while standard input and output are carried", async () => {
    await using operator = await startEchoOperator();
    await using connecting = operator.connect("--stdio");
    connecting.send("up\n");
    await connecting.waitForLine(/up/);
    connecting.signal(signal);
    expect((await connecting.exited).code).toBe(code);
    await expectNothingLeft(operator);
  });

  test("while a command runs: it gets the signal", async () => {
    await using operator = await startEchoOperator();
    const script = `trap 'echo got ${signal}; exit 5' ${signal.slice(3)}; echo "pid $$"; while :; do sleep 0.1; done`;
    await using connecting = operator.connect("--", "sh", "-c", script);
    const [, pid] = await connecting.waitForLine(/^pid (\d+)$/);
    connecting.signal(signal);
    expect((await connecting.exited).code).toBe(5);
    expect(connecting.stdout).toContain(`got ${signal}`);
    expect(() => process.kill(Number(pid), 0)).toThrow();
    await expectNothingLeft(operator);
  });
});

test("another one that waits with it goes on by itself when the first is interrupted", async () => {
  await using operator = await startOperator();
  await using first = operator.connect();
  await first.waitForLine(/waiting for Pump-7/, "stderr");
  await using second = operator.connect();
  await second.waitForLine(/waiting for Pump-7/, "stderr");
  first.signal("SIGINT");
  expect((await first.exited).code).toBe(130);
  await second.waitForLine(/opened tunnel/, "stderr");
  second.signal("SIGINT");
  expect((await second.exited).code).toBe(130);
  await expectNothingLeft(operator);
});

test("no token is in an argument, a log of any level, an event or an error", async () => {
  await using operator = await startEchoOperator();
  using dir = tempDir();
  const log = join(dir.path, "log");
  await using connecting = operator.connect("--json", "--log-level", "trace", "--log-file", log);
  const listening = await connecting.waitForLine(/"event":"listening"/);
  await exchange(JSON.parse(listening.input).port, "x");
  await using member = operator.connect("--stdio", "--json", "--log-level", "trace");
  member.send("up\n");
  await member.waitForLine(/up/);
  const refused = await operator.run("proxy", "source", "-p", "0", "--tunnel", "none", "--json");
  const words = [connecting, member, operator.device.process].map(argumentsOf);
  const [tunnelId = ""] = await operator.openTunnels();
  await operator.run("rotate", tunnelId, "--mode", "source", "--json");
  await connecting.waitForLine(/"event":"token-renewed"/);
  // Ends both with an error that is about the token.
  await operator.takeAway(tunnelId);
  expect((await connecting.exited).code).toBe(77);
  await member.exited;
  const texts = [
    ...words,
    readFileSync(log, "utf8"),
    connecting.stdout,
    connecting.stderr,
    member.stderr,
    refused.stderr,
  ];
  expect(readFileSync(log, "utf8").length).toBeGreaterThan(100);
  expect(texts.join("\n")).not.toMatch(TOKEN);
  // The check can fail: this is what a token looks like.
  const opened = await operator.run("open", "--service", "SSH", "--json");
  expect(opened.stdout).toMatch(TOKEN);
});

/** Access tokens of the emulator. */
const TOKEN = /AQGA[\w-]{20,}/;

function argumentsOf(process: TestProcess): string {
  return readFileSync(`/proc/${process.pid}/cmdline`, "utf8");
}

async function expectNothingLeft(operator: Operator): Promise<void> {
  expect(await operator.openTunnels()).toEqual([]);
  const sockets = readdirSync(operator.meetingDirectory).filter((name) => !name.endsWith(".lock"));
  expect(sockets).toEqual([]);
}
