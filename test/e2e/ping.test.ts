// `tunnel ping`: round trips from end to end, with nobody behind the device's port.
import { expect, setDefaultTimeout, test } from "bun:test";
import { type Operator, portOf, startOperator, THING } from "../helpers/operators.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(60_000);

const PING = ["ping", "--thing", THING, "--service", "SSH"];

function startPing({ server, env }: Operator, ...args: readonly string[]) {
  return startTunnel([...PING, ...server.local, ...args], env);
}

/** Documents of --json, by their event. */
function documents(stdout: string, event: string) {
  const all = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return all.filter((document) => document.event === event);
}

test("measures without a service behind the device, dials nothing, and closes what it opened", async () => {
  await using operator = await startOperator();
  let dialled = 0;
  await using service = await startTcpServer(() => {
    dialled += 1;
  });
  await operator.startDevice(service.port);
  const { code, stdout, stderr } = await operator.run(...PING, "--count", "5");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/opened tunnel .*closed tunnel/s)]);
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toMatch(/^ping SSH of Pump-7, tunnel \S+$/);
  expect(lines.slice(1, 6).every((line, index) => line.startsWith(`${index + 1}: `))).toBe(true);
  expect(lines.slice(1, 6).join()).toMatch(/^(\d: [\d.]+ ms,?){5}$/);
  expect(lines[6]).toMatch(/^5 sent, 5 back, p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms$/);
  expect(lines).toHaveLength(7);
  expect(dialled).toBe(0);
  expect(await operator.openTunnels()).toEqual([]);
});

test("--under-load measures beside bytes that the device drops, and leaves its service alone", async () => {
  await using operator = await startOperator();
  await operator.startDevice(await freePort());
  const { code, stdout } = await operator.run(...PING, "--under-load", "--json", "--count", "10");
  expect(code).toBe(0);
  const pings = documents(stdout, "ping");
  expect(pings.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(pings.every(({ ms }) => ms > 0)).toBe(true);
  const [summary] = documents(stdout, "summary");
  expect(summary).toMatchObject({ sent: 10, back: 10 });
  expect(summary.p50Ms).toBeLessThanOrEqual(summary.p99Ms);
  console.log(
    `under load: p50 ${summary.p50Ms} ms, p99 ${summary.p99Ms} ms, ${summary.loadBytesPerS} bytes/s`,
  );
  expect(summary.loadBytesPerS).toBeGreaterThan(1_000_000);
});

test("joins the connect of this machine, which then carries on", async () => {
  await using operator = await startOperator();
  await using echo = await startTcpServer((socket) => socket.pipe(socket));
  await operator.startDevice(echo.port);
  await using connecting = operator.connect();
  await portOf(connecting);
  for (const args of [[], ["--under-load"]]) {
    const { code, stdout, stderr } = await operator.run(...PING, "--count", "3", ...args);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/joined the tunnel connect/)]);
    expect(stdout).toMatch(/3 sent, 3 back/);
  }
  connecting.signal("SIGINT");
  expect((await connecting.exited).code).toBe(130);
  expect(await operator.openTunnels()).toEqual([]);
});

test("Ctrl-C prints the summary of what there is", async () => {
  await using operator = await startOperator();
  await operator.startDevice(await freePort());
  await using ping = startPing(operator, "--count", "10000");
  await ping.waitForLine(/^3: /);
  ping.signal("SIGINT");
  expect((await ping.exited).code).toBe(0);
  expect(ping.stdout).toMatch(/\n\d+ sent, \d+ back, p50 .*$/);
  expect(await operator.openTunnels()).toEqual([]);
});

test("a device that goes away costs answers; one that comes back gives them again", async () => {
  await using operator = await startOperator();
  const port = await freePort();
  const device = await operator.startDevice(port);
  await using ping = startPing(operator, "--count", "10000");
  await ping.waitForLine(/^3: .* ms$/);
  await device[Symbol.asyncDispose]();
  await ping.waitForLine(/^\d+: the link, or the other end, is away$/);
  const before = ping.stdout.trim().split("\n").length;
  await operator.startDevice(port);
  await waitFor(
    "answers again",
    () => / ms\n/.test(ping.stdout.split("\n").slice(before).join("\n")),
    30_000,
  );
  ping.signal("SIGINT");
  expect((await ping.exited).code).toBe(0);
});

test("a device without continuity is told from one that is slow, with what it takes", async () => {
  await using operator = await startOperator();
  await using service = await startTcpServer((socket) => socket.pipe(socket));
  await operator.startDevice(service.port, "--continuity", "off");
  const { code, stdout, stderr } = await operator.run(...PING, "--count", "3");
  expect([code, stdout]).toEqual([69, ""]);
  expect(stderr).toMatch(/nobody answers at Pump-7: the round trip takes tunnel at both ends/);
  expect(await operator.openTunnels()).toEqual([]);
});

test.each([
  [["ping"], "--thing is missing"],
  [["ping", "--thing", THING], "one --service"],
  [[...PING, "--count", "0"], "--count"],
  [[...PING, "--count", "10001"], "--count"],
])("%p is a usage error", async (words, text) => {
  await using operator = await startOperator();
  const { code, stderr } = await operator.run(...words);
  expect([code, stderr]).toEqual([64, expect.stringContaining(text)]);
});
