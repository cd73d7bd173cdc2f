// Many agents of one service, in this process; the service is a process of its own that dies and comes back.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { type LocalAgent, openTunnel, startLocalAgent } from "../helpers/agents.ts";
import { callOperation } from "../helpers/emulator.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { freePort } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { waitFor } from "../helpers/wait.ts";
import { Wire } from "../helpers/wire.ts";

const THINGS = 20;
const TUNNELS_EACH = 10;

/** Opens a tunnel without a process for each. */
async function open(server: ServeLocal, thingName: string): Promise<void> {
  const request = { destinationConfig: { thingName, services: ["SSH"] } };
  const { status } = await callOperation(server, "OpenTunnel", request);
  expect(status).toBe(200);
}

/** How many of `values` lie in each tenth of the range below `max`. */
function tenths(values: readonly number[], max: number): number[] {
  const counts = Array<number>(10).fill(0);
  for (const value of values) {
    counts[Math.floor((value / max) * 10)] = (counts[Math.floor((value / max) * 10)] ?? 0) + 1;
  }
  return counts;
}

test("200 tunnels opened at once for 20 things all connect, and all come back after the service died", async () => {
  using dir = tempDir();
  await using stack = new AsyncDisposableStack();
  const ports = [
    "--listen",
    `127.0.0.1:${await freePort()}`,
    "--mqtt-listen",
    `127.0.0.1:${await freePort()}`,
  ];
  const service = { stateDir: join(dir.path, "local"), args: ports };
  const server = stack.use(await serveLocal(service));
  const agents: LocalAgent[] = [];
  for (let index = 0; index < THINGS; index += 1) {
    const options = { stateDirectory: join(dir.path, `agent-${index}`) };
    agents.push(stack.use(await startLocalAgent(server, `pump-${index}`, "SSH=22", options)));
  }
  for (const agent of agents) await agent.waitFor("subscribed");
  const things = Array.from({ length: THINGS * TUNNELS_EACH }, (_, index) => `pump-${index % THINGS}`);
  await Promise.all(things.map((thing) => open(server, thing)));
  for (const agent of agents) await agent.waitFor("session-connected", TUNNELS_EACH - 1);

  await server.process.kill();
  for (const agent of agents) await agent.waitFor("session-disconnected", TUNNELS_EACH - 1);
  stack.use(await serveLocal(service));
  for (const agent of agents) {
    await agent.waitFor("subscribed", 1, 20_000);
    await agent.waitFor("session-connected", 2 * TUNNELS_EACH - 1, 20_000);
    expect(agent.told("session-ended")).toEqual([]);
  }

  // Of each session its first retry: up to 500 ms later, anywhere in between.
  const first = agents.flatMap((agent) => [
    ...new Map(
      agent
        .told("session-disconnected")
        .toReversed()
        .map((event) => [event.session, event]),
    ).values(),
  ]);
  expect(first).toHaveLength(THINGS * TUNNELS_EACH);
  const spread = tenths(
    first.map(({ retryInMs }) => retryInMs),
    500,
  );
  expect(Math.min(...spread)).toBeGreaterThan(0);
  expect(Math.max(...spread)).toBeLessThan(first.length / 4);
  expect(new Set(agents.map((agent) => agent.told("broker-lost")[0]?.retryInMs)).size).toBeGreaterThan(
    THINGS / 2,
  );
}, 90_000);

test("a network that goes silent is noticed, and the subscription made anew", async () => {
  using dir = tempDir();
  await using server = await serveLocal();
  await using wire = await Wire.to(Number(server.endpoint.mqtt?.split(":")[1]));
  await using agent = await startLocalAgent(server, "pump-7", "SSH=22", {
    stateDirectory: join(dir.path, "agent"),
    brokerPort: wire.port,
    mqttKeepaliveS: 1,
  });
  await agent.waitFor("subscribed");
  await openTunnel(server, "pump-7", ["SSH"]);
  await agent.waitFor("session-connected");
  wire.freeze();
  expect((await agent.waitFor("broker-lost")).reason).toMatch(/keepalive/i);
  // The tunnel does not need the broker.
  expect(agent.told("session-disconnected")).toEqual([]);
  wire.thaw();
  await agent.waitFor("subscribed", 1);
  await openTunnel(server, "pump-7", ["SSH"]);
  await agent.waitFor("session-connected", 1);
  wire.cut();
  await agent.waitFor("subscribed", 2);
  await waitFor("one connection a subscription", () => agent.told("broker-lost").length === 2);
});
