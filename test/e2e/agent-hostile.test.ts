// What whoever may publish on a device's topic can do to its agent, through a real mosquitto.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { MqttClient } from "mqtt";
import { AgentProcess, openTunnel, pause } from "../helpers/agents.ts";
import { residentBytes } from "../helpers/memory.ts";
import { type Mosquitto, notifyTopic, startMosquitto } from "../helpers/mqtt.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const TOPIC = notifyTopic("pump-7");
const GOOD = {
  clientAccessToken: "c2VjcmV0",
  clientMode: "destination",
  region: "us-east-1",
  services: ["SSH"],
};

let broker: Mosquitto;
let server: ServeLocal;
let publisher: MqttClient;
const dir = tempDir();

beforeAll(async () => {
  broker = await startMosquitto();
  server = await serveLocal();
  publisher = await connectPublisher();
});
afterAll(async () => {
  publisher.end(true);
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

/** May write to every thing's topic, as somebody who got hold of the account's publishing rights. */
async function connectPublisher(): Promise<MqttClient> {
  const { caPath } = await broker.identity("unused");
  const port = Number(broker.passwordMqtt.split(":")[1]);
  const ca = readFileSync(caPath);
  const client = new MqttClient(
    () => tls.connect({ socket: connect(port, "127.0.0.1"), servername: "localhost", ca }),
    {
      username: "serve-local",
      password: broker.password,
      reconnectPeriod: 0,
    },
  );
  await new Promise((resolve, reject) => client.once("connect", resolve).once("error", reject));
  return client;
}

function publish(payload: string | Uint8Array | object): Promise<unknown> {
  const isRaw = typeof payload === "string" || payload instanceof Uint8Array;
  return publisher.publishAsync(TOPIC, isRaw ? (payload as Buffer) : JSON.stringify(payload), { qos: 1 });
}

async function startAgent(map: string, more: readonly string[] = []): Promise<AgentProcess> {
  const { caPath, certificatePath, keyPath } = await broker.identity("pump-7");
  const ca = join(dir.path, "ca.pem");
  writeFileSync(ca, readFileSync(caPath, "utf8") + readFileSync(server.endpoint.ca, "utf8"));
  const identity = ["--cert", certificatePath, "--key", keyPath, "--ca", ca];
  const plane = ["--proxy-endpoint", server.endpoint.dataPlane, "--region", "us-east-1"];
  const agent = new AgentProcess([
    ...["--thing", "pump-7", "--map", map, "--mqtt-endpoint", broker.mqtt],
    ...identity,
    ...plane,
    ...more,
  ]);
  await agent.waitFor("subscribed");
  return agent;
}

/** The tunnel still gets through. */
async function expectAlive(agent: AgentProcess): Promise<string> {
  const { destinationAccessToken } = await openTunnel(server, "other", ["SSH"]);
  const before = agent.told("session-connected").length;
  await publish({ ...GOOD, clientAccessToken: destinationAccessToken });
  await agent.waitFor("session-connected", before);
  return destinationAccessToken;
}

describe("an agent at a mosquitto", () => {
  test("works, and takes a notification that comes twice once", async () => {
    await using agent = await startAgent("SSH=22");
    const token = await expectAlive(agent);
    await publish({ ...GOOD, clientAccessToken: token });
    await agent.waitFor("notification-known");
    expect(agent.told("session-started")).toHaveLength(1);
    expect(agent.process.stderr).not.toContain("again");
  });

  test("refuses each hostile notification with one line, and dials nothing", async () => {
    let dialled = 0;
    await using trap = await startTcpServer((socket) => {
      dialled += 1;
      socket.destroy();
    });
    await using agent = await startAgent(`SSH=${trap.port}`);
    const { clientAccessToken: _, ...withoutToken } = GOOD;
    const hostile = [
      "not json",
      '{"clientAccessToken":',
      withoutToken,
      { ...GOOD, clientMode: "source" },
      { ...GOOD, region: "x.evil.example/" },
      { ...GOOD, region: `localhost:${trap.port}/` },
      { ...GOOD, region: "ap-south-1" },
      { ...GOOD, services: ["VNC"] },
      { ...GOOD, clientAccessToken: "a\r\nHost: evil" },
      Buffer.alloc(1024 * 1024, 0x61),
      JSON.stringify(GOOD).padEnd(1024 * 1024),
    ];
    for (const payload of hostile) await publish(payload);
    await agent.waitFor("notification-refused", hostile.length - 1);
    await pause();
    expect(agent.process.lines.stderr.filter((line) => line.includes("refused"))).toHaveLength(
      hostile.length,
    );
    expect(agent.told("session-started")).toEqual([]);
    expect(dialled).toBe(0);
    expect(agent.process.stderr).not.toContain(GOOD.clientAccessToken);
    await expectAlive(agent);
  });

  test("refuses floods of 10,000 with a bounded number of lines and flat memory", async () => {
    const port = await freePort();
    await using agent = await startAgent("SSH=22", ["--metrics", String(port)]);
    const flood = async (payload: (index: number) => object | string, count: number) => {
      for (let index = 0; index < count; index += 500) {
        await Promise.all(Array.from({ length: 500 }, (_, at) => publish(payload(index + at))));
      }
    };
    const hostile = (index: number) => (index % 2 === 0 ? "nonsense" : { ...GOOD, services: [`S${index}`] });
    await flood(hostile, 10_000);
    await expectAlive(agent);
    const before = residentBytes(agent.process.pid);
    const after: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await flood(hostile, 10_000);
      after.push(residentBytes(agent.process.pid));
    }
    await expectAlive(agent);
    expect(agent.process.lines.stderr.filter((line) => line.includes("refused")).length).toBeLessThanOrEqual(
      20,
    );
    expect(agent.process.lines.stdout.length).toBeLessThan(60);
    // mosquitto drops some of what it is sent faster than it is read.
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const counts = [...metrics.matchAll(/notifications_total\{result="(?:malformed|service)"\} (\d+)/g)];
    expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBeGreaterThan(30_000);
    // Between two collections the heap holds some megabytes of waste, more or less.
    expect(Math.min(...after) - before).toBeLessThan(12 * 1024 * 1024);
  }, 60_000);

  test("starts a bounded number of sessions for a flood of made-up tokens", async () => {
    await using agent = await startAgent("SSH=22", ["--max-tunnels", "5"]);
    const tokens = Array.from({ length: 10_000 }, (_, index) => ({
      ...GOOD,
      clientAccessToken: `made-up-${index}`,
    }));
    for (let index = 0; index < tokens.length; index += 500) {
      await Promise.all(tokens.slice(index, index + 500).map(publish));
    }
    const seconds = 20;
    await agent.waitFor("notification-refused");
    expect(agent.told("session-started").length).toBeLessThan(4 * 5 + seconds);
    expect(agent.told("session-started").length).toBeGreaterThanOrEqual(4 * 5);
    expect(agent.process.lines.stderr.length).toBeLessThan(150);
    expect(agent.process.stderr).not.toContain("made-up");
    await agent.waitFor("session-ended");
    const { destinationAccessToken } = await openTunnel(server, "other", ["SSH"]);
    // It comes through as soon as the limit lets it: its publisher, like the service, may have to rotate.
    for (;;) {
      await publish({ ...GOOD, clientAccessToken: destinationAccessToken });
      if (agent.told("session-connected").length > 0) break;
      await pause(100);
    }
  }, 60_000);
});
