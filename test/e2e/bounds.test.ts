// Whatever one side sends, memory and descriptors of each process stay bounded, and one tunnel takes nothing from
// another. TUNNEL=… tries another build.
import { expect, test } from "bun:test";
import { openTunnel } from "../helpers/agents.ts";
import { type Carried, carry, openTokens } from "../helpers/carried.ts";
import { saidSha256, TestClient } from "../helpers/clients.ts";
import { peakResidentBytes } from "../helpers/memory.ts";
import { TestProcess } from "../helpers/process.ts";
import { dialLocal } from "../helpers/proxies.ts";
import { descriptors, dialRaw, floodStarts } from "../helpers/raw.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { startService } from "../helpers/services.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { startTunnel, tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor, within } from "../helpers/wait.ts";

const MIB = 1024 ** 2;
const PROXY_BYTES = 128 * MIB;
/** 4,096 sockets of the runtime cost 17 KiB each. */
const FLOODED_PROXY_BYTES = 192 * MIB;
/** Continuity keeps what is not acknowledged: 16 MiB each way for all connections, and 16 KiB for each (P95). */
const CONTINUITY_BYTES = 192 * MIB;
const SERVE_LOCAL_BYTES = 192 * MIB;
/** Connections that a proxy carries at once, and what it needs besides: WebSocket, broker, files. */
const MAX_DESCRIPTORS = 4_096 + 64;

function expectPeaks(what: string, carried: Carried, most = PROXY_BYTES): void {
  const { relay, source, destination } = carried.processes;
  const peaks = [relay, source, destination].map(({ pid }) => peakResidentBytes(pid));
  const said = peaks.map((bytes) => Math.round(bytes / MIB)).join(", ");
  console.log(`${what}: peak MiB of serve-local, source, destination: ${said}`);
  const [ofRelay = 0, ...ofProxies] = peaks;
  expect(ofRelay).toBeLessThan(SERVE_LOCAL_BYTES);
  for (const bytes of ofProxies) expect(bytes).toBeLessThan(most);
}

const WAYS = [
  [128, "without continuity", ["--continuity", "off"], PROXY_BYTES],
  [192, "as they are by default", [], CONTINUITY_BYTES],
] as const;

test.each(WAYS)(
  "150 uploads that nobody reads are held in %i MiB %s",
  async (_mib, how, args, most) => {
    await using sink = await startService("tcp", "hold-first", { first: 150 });
    await using carried = await carry({ SINK: sink.address }, { args: ["--stall-timeout", "1h", ...args] });
    await using uploads = new TestClient(carried.portOf("SINK"), "upload", { connections: 150 });
    await within("a standstill of all", uploads.stalled(150), 60_000);
    expectPeaks(`150 uploads ${how}`, carried, most);
  },
  90_000,
);

test.each(WAYS)(
  "16 connections with traffic both ways are carried in %i MiB %s",
  async (_mib, how, args, most) => {
    const bytes = 16 * MIB;
    await using echo = await startService("tcp", "echo");
    await using carried = await carry({ ECHO: echo.address }, { args });
    await using clients = new TestClient(carried.portOf("ECHO"), "echo", { connections: 16, bytes });
    const outcomes = await within("all echoes", clients.outcomes(), 90_000);
    for (const { sha256 } of outcomes) expect(sha256).toBe(saidSha256(bytes));
    expectPeaks(`16 connections both ways ${how}`, carried, most);
  },
  120_000,
);

/** Waits until a number has stood still for so long; `look` is called all the while. */
async function standstill(what: string, value: () => number, ms: number, look = () => {}): Promise<void> {
  let last = Number.NaN;
  let since = Date.now();
  await waitFor(
    what,
    () => {
      look();
      const now = value();
      if (now !== last) since = Date.now();
      last = now;
      return Date.now() - since > ms;
    },
    100_000,
  );
}

test("15,000 STREAM_STARTs to a service that ignores the end of its clients take no more descriptors than the limit", async () => {
  const count = 15_000;
  await using deaf = await startTcpServer((socket) => socket.pause());
  await using server = await serveLocal();
  const tokens = await openTokens(server, ["SSH"]);
  await using destination = startTunnel(
    ["proxy", "destination", "-d", `SSH=127.0.0.1:${deaf.port}`, ...server.local],
    { AWSIOT_TUNNEL_ACCESS_TOKEN: tokens.destination },
  );
  await destination.waitForLine(/connected to the tunnel/, "stderr");
  const source = await dialRaw(server, "source", tokens.source);
  const flood = floodStarts(source, "SSH", count);
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, descriptors(destination.pid));
  };
  await standstill("the flood's end", () => flood.sent + deaf.accepted, 2_000, look);
  const megabytes = Math.round(peakResidentBytes(destination.pid) / MIB);
  const lines = destination.lines.stderr.length;
  console.log(
    `${flood.sent} STREAM_STARTs, ${deaf.accepted} dials: ${peak} descriptors, ${lines} lines of log, ${megabytes} MiB`,
  );
  expect(peak).toBeLessThanOrEqual(MAX_DESCRIPTORS);
  expect(lines).toBeLessThan(2_000);
  expect(megabytes * MIB).toBeLessThan(FLOODED_PROXY_BYTES);
  source.terminate();
}, 120_000);

test("a flood on one tunnel of an agent with 1,024 descriptors leaves its other tunnel working", async () => {
  await using deaf = await startTcpServer((socket) => socket.pause());
  await using echo = await startTcpServer();
  await using server = await serveLocal();
  using home = tempDir();
  const words = ["agent", "--thing", "pump-7", "--json", ...server.local];
  const maps = ["--map", `SSH=127.0.0.1:${deaf.port}`, "--map", `ECHO=127.0.0.1:${echo.port}`];
  const shell = `ulimit -n 1024 && exec "$@"`;
  await using agent = new TestProcess("bash", ["-c", shell, "sh", ...tunnelCommand(), ...words, ...maps], {
    PATH: process.env["PATH"],
    HOME: home.path,
  });
  await agent.waitForLine(/subscribed/);
  const flooded = await openTunnel(server, "pump-7", ["SSH"]);
  const other = await openTunnel(server, "pump-7", ["ECHO"]);
  await using source = startTunnel(["proxy", "source", "-p", "ECHO=0", "--json", ...server.local], {
    AWSIOT_TUNNEL_ACCESS_TOKEN: other.sourceAccessToken,
  });
  const port = Number((await source.waitForLine(/"port":(\d+)/))[1]);
  const ask = async () => {
    await using client = new TestClient(port, "ask");
    return await within("an answer", client.outcome(), 60_000);
  };
  expect((await ask()).bytes).toBeGreaterThan(0);
  const raw = await dialRaw(server, "source", flooded.sourceAccessToken);
  const flood = floodStarts(raw, "SSH", 15_000);
  await waitFor("the flood", () => flood.sent === 15_000 || descriptors(agent.pid) > 1_000, 60_000);
  const { bytes, seconds } = await ask();
  console.log(`beside a flood: ${bytes} bytes after ${seconds} s, ${descriptors(agent.pid)} descriptors`);
  expect(bytes).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(5);
  raw.terminate();
}, 150_000);

test.each(["reads nothing", "reads all", "is not there, and the source reads no answers"] as const)(
  "970,000 STREAM_STARTs to a destination that %s are held in 192 MiB by serve-local",
  async (reader) => {
    await using server = await serveLocal();
    const tokens = await openTokens(server, ["SSH"]);
    const destination = reader.startsWith("reads")
      ? await dialRaw(server, "destination", tokens.destination)
      : undefined;
    if (reader === "reads nothing") destination?.pause();
    const source = await dialRaw(server, "source", tokens.source);
    const flood = floodStarts(source, "SSH", 970_000);
    if (destination === undefined) source.pause();
    await standstill("all sent, or a standstill", () => flood.sent, 3_000);
    const megabytes = Math.round(peakResidentBytes(server.process.pid) / MIB);
    console.log(`${flood.sent} STREAM_STARTs, destination ${reader}: serve-local at ${megabytes} MiB`);
    expect(megabytes * MIB).toBeLessThan(SERVE_LOCAL_BYTES);
    source.terminate();
    destination?.terminate();
  },
  120_000,
);

test("a tunnel chained onto itself takes no more descriptors than the limit, and says so", async () => {
  const port = await freePort();
  await using server = await serveLocal();
  await using carried = await carry(
    { SELF: `127.0.0.1:${port}` },
    { server, listen: { SELF: String(port) } },
  );
  const client = await dialLocal(port);
  client.on("error", () => {});
  client.on("data", () => {});
  const { source, destination } = carried.processes;
  let peak = 0;
  const said = () => /itself/.test(`${source.stderr}${destination.stderr}`);
  await waitFor(
    "a sentence, or too many descriptors",
    () => {
      peak = Math.max(peak, descriptors(source.pid), descriptors(destination.pid));
      return said() || peak > MAX_DESCRIPTORS;
    },
    60_000,
  ).catch(() => {});
  console.log(`chained onto itself: ${peak} descriptors; said so: ${said()}`);
  client.destroy();
  expect(said()).toBe(true);
  expect(peak).toBeLessThanOrEqual(MAX_DESCRIPTORS);
}, 90_000);
