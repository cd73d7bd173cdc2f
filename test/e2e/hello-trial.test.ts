// A service that does not bear HELLO (P107): after two cuts nothing is said to it any more, in later processes neither.
import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type HelloCutter, startHelloCutter } from "../helpers/hello-cutter.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(60_000);

const WARNING = /continuity is off at localhost:\d+ for 30 days/g;

function startDestination(cutter: HelloCutter, port: number, state: string, ...args: readonly string[]) {
  const words = ["proxy", "destination", "-d", `SSH=127.0.0.1:${port}`];
  return startTunnel([...words, ...cutter.args, ...args], {
    AWSIOT_TUNNEL_ACCESS_TOKEN: "token",
    XDG_STATE_HOME: state,
  });
}

test("a destination is cut twice, warns once, and carries without; so does the next process", async () => {
  await using cutter = await startHelloCutter(0);
  using state = tempDir();
  let dialled = 0;
  await using service = await startTcpServer((socket) => {
    dialled += 1;
    socket.resume();
  });
  {
    await using destination = startDestination(cutter, service.port, state.path);
    await waitFor("the third WebSocket to carry", () => cutter.webSockets === 3 && dialled >= 1, 20_000);
    await destination.waitForLine(/continuity is off/, "stderr");
    expect(destination.stderr.match(WARNING)).toHaveLength(1);
  }
  expect(cutter.hellos).toBe(2);
  const file = join(state.path, "tunnel", "continuity-off.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const before = dialled;
  await using next = startDestination(cutter, service.port, state.path);
  await waitFor("the next process to carry", () => dialled > before, 20_000);
  await next.waitForLine(/continuity is off at .* until/, "stderr");
  expect(next.stderr).not.toMatch(WARNING);
  expect([cutter.webSockets, cutter.hellos]).toEqual([4, 2]);
});

test("a source finds it out as well", async () => {
  await using cutter = await startHelloCutter(0);
  using state = tempDir();
  const words = ["proxy", "source", "-p", "SSH=0", ...cutter.args];
  const env = { AWSIOT_TUNNEL_ACCESS_TOKEN: "token", XDG_STATE_HOME: state.path };
  await using source = startTunnel(words, env);
  const [, port] = await source.waitForLine(/listening on 127\.0\.0\.1:(\d+)$/);
  const client = connect(Number(port), "127.0.0.1");
  client.on("error", () => {}).resume();
  await source.waitForLine(/continuity is off/, "stderr", 30_000);
  client.destroy();
  const before = cutter.connections;
  const other = connect(Number(port), "127.0.0.1");
  other.on("error", () => {}).resume();
  await waitFor("a connection without", () => cutter.connections > before, 20_000);
  other.destroy();
  expect([cutter.hellos, source.stderr.match(WARNING)?.length]).toEqual([2, 1]);
});

test("a WebSocket that is closed in words was not cut for HELLO", async () => {
  await using cutter = await startHelloCutter(1001);
  using state = tempDir();
  await using service = await startTcpServer((socket) => socket.resume());
  await using destination = startDestination(cutter, service.port, state.path);
  await waitFor("three HELLOs", () => cutter.hellos === 3, 30_000);
  expect(destination.stderr).not.toMatch(/continuity is off/);
});

test("where nothing can be kept it is found out each time", async () => {
  await using cutter = await startHelloCutter(0);
  using state = tempDir();
  await using service = await startTcpServer((socket) => socket.resume());
  const file = join(state.path, "no-directory");
  writeFileSync(file, "");
  for (const hellos of [2, 4]) {
    await using destination = startDestination(cutter, service.port, file);
    await destination.waitForLine(/continuity is off at .* for 30 days/, "stderr", 30_000);
    expect(cutter.hellos).toBe(hellos);
  }
});
