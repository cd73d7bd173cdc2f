// How long a device takes from OpenTunnel to connected, and what an agent holds of the machine's memory, beside the
// reference proxy (which needs another program to hear of tunnels) when LOCALPROXY names it. Run with
// `bun test/bench/agent.ts`.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { addThing } from "../../src/emulator/notify/things.ts";
import { AgentProcess, openTunnel } from "../helpers/agents.ts";
import { callOperation } from "../helpers/emulator.ts";
import { residentBytes } from "../helpers/memory.ts";
import { TestProcess } from "../helpers/process.ts";
import { serveLocal } from "../helpers/serve-local.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 15);
/** Memory settles once the runtime has collected what starting up left behind. */
const SETTLE_MS = 4_000;

await using stack = new AsyncDisposableStack();
const server = stack.use(await serveLocal());
const { endpoint } = server;

/** The control plane without a process around it: what the device does is what counts. */
async function open(): Promise<string> {
  const request = { destinationConfig: { thingName: "pump-7", services: ["SSH"] } };
  return String((await callOperation(server, "OpenTunnel", request)).body["tunnelId"]);
}

async function describe(tunnelId: string): Promise<string> {
  const { body } = await callOperation(server, "DescribeTunnel", { tunnelId });
  return (body["tunnel"] as { destinationConnectionState: { status: string } }).destinationConnectionState
    .status;
}

/** As on a device: with a certificate, and nothing of the emulator loaded. */
async function agentOf(thing: string): Promise<AgentProcess> {
  const { caPath, certificatePath, keyPath } = await addThing(server.stateDir, thing);
  const broker = ["--mqtt-endpoint", endpoint.mqtt ?? "", "--cert", certificatePath, "--key", keyPath];
  const plane = ["--proxy-endpoint", endpoint.dataPlane, "--region", endpoint.region, "--ca", caPath];
  const limits = ["--max-tunnels", "1000"];
  const agent = stack.use(
    new AgentProcess(["--thing", thing, "--map", "SSH=22", ...broker, ...plane, ...limits]),
  );
  await agent.waitFor("subscribed");
  return agent;
}

const agent = await agentOf("pump-7");
const times: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const startedAt = performance.now();
  const tunnelId = await open();
  while ((await describe(tunnelId)) !== "CONNECTED") await sleep(1);
  times.push(performance.now() - startedAt);
}
const sorted = times.toSorted((a, b) => a - b);
const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
console.log(`OpenTunnel to destination CONNECTED, ${ROUNDS} rounds`);
console.log(
  `  median ${median.toFixed(0)} ms, most ${sorted.at(-1)?.toFixed(0)} ms (limit for the median: 500 ms)`,
);
if (!(median < 500)) process.exitCode = 1;
await agent.stop();

console.log("\nresident memory (of which anonymous), MiB");
const small = await agentOf("pump-8");
await sleep(SETTLE_MS);
report("agent, subscribed", small.process.pid);
await openTunnel(server, "pump-8", ["SSH"]);
await small.waitFor("session-connected");
await sleep(SETTLE_MS);
report("agent with one tunnel", small.process.pid);
await small.stop();

if (process.env["LOCALPROXY"]) {
  const args = ["-e", endpoint.dataPlane, "-d", "22", "-c", `${server.stateDir}/ca/certs`, "-v", "2"];
  const { destinationAccessToken: token } = await openTunnel(server, "pump-9", ["SSH"]);
  const reference = stack.use(
    new TestProcess(process.env["LOCALPROXY"], args, { ...process.env, AWSIOT_TUNNEL_ACCESS_TOKEN: token }),
  );
  await sleep(SETTLE_MS);
  report("reference proxy, destination of one tunnel", reference.pid);
}

function report(name: string, pid: number): void {
  const anonymous =
    Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  console.log(`  ${name.padEnd(44)} ${(residentBytes(pid) / 2 ** 20).toFixed(1)} (${anonymous.toFixed(1)})`);
}
