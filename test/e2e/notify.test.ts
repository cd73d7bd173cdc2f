import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ThingIdentity } from "../../src/emulator/notify/things.ts";
import {
  deviceWords,
  type Mosquitto,
  notifyTopic,
  publish,
  Subscriber,
  startMosquitto,
} from "../helpers/mqtt.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

/** Runs a command that must succeed and returns the object that it prints. */
async function run(...args: readonly string[]): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await runTunnel([...args, "--json"]);
  if (code !== 0) throw new Error(`tunnel ${args.join(" ")}: ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

async function addThing(server: ServeLocal, name: string): Promise<ThingIdentity> {
  const added = await run("serve-local", "thing", "add", name, "--state-dir", server.stateDir);
  return added as unknown as ThingIdentity;
}

const open = (server: ServeLocal, thing: string, ...services: readonly string[]) =>
  run("open", "--thing", thing, ...services.flatMap((service) => ["--service", service]), ...server.local);

/** A subscriber that the broker has accepted. */
async function subscribe(mqtt: string | undefined, identity: ThingIdentity): Promise<Subscriber> {
  const subscriber = new Subscriber(deviceWords(mqtt ?? "", identity), notifyTopic(identity.name));
  expect(await subscriber.granted()).toBe(1);
  return subscriber;
}

/** A notification exactly as the service's guide shows it. */
function notification(token: string | undefined, ...services: readonly string[]) {
  const payload = { clientAccessToken: token, clientMode: "destination", region: "us-east-1", services };
  return { qos: 1, retain: 0, payload: JSON.stringify(payload) };
}

describe("an MQTT client of somebody else's, with the certificate of a thing", () => {
  test("is notified when a tunnel opens: QoS 1, not retained, exactly these members", async () => {
    await using server = await serveLocal();
    await using device = await subscribe(server.endpoint.mqtt, await addThing(server, "pump-7"));
    const opened = await open(server, "pump-7", "SSH", "VNC");
    expect(await device.message()).toMatchObject({
      topic: notifyTopic("pump-7"),
      ...notification(opened["destinationAccessToken"], "SSH", "VNC"),
    });
    await using later = await subscribe(server.endpoint.mqtt, await addThing(server, "pump-7"));
    const second = await open(server, "pump-7", "SSH");
    expect(await later.message()).toMatchObject(notification(second["destinationAccessToken"], "SSH"));
  });

  test("is notified by a rotation of destination and all, not of source; a new thing instead of the old", async () => {
    await using server = await serveLocal();
    await using device = await subscribe(server.endpoint.mqtt, await addThing(server, "pump-7"));
    await using other = await subscribe(server.endpoint.mqtt, await addThing(server, "pump-8"));
    const { tunnelId = "" } = await open(server, "pump-7", "SSH");
    const rotate = (...words: readonly string[]) =>
      run("rotate", tunnelId, ...server.local, "--mode", ...words);
    await rotate("source");
    const second = await rotate("destination");
    const third = await rotate("all");
    await device.message(2);
    expect(device.messages.slice(1)).toMatchObject([
      notification(second["destinationAccessToken"], "SSH"),
      notification(third["destinationAccessToken"], "SSH"),
    ]);
    expect(other.messages).toEqual([]);
    const fourth = await rotate("destination", "--thing", "pump-8", "--service", "SSH");
    expect(await other.message()).toMatchObject(notification(fourth["destinationAccessToken"], "SSH"));
    expect(device.messages).toHaveLength(3);
  });

  test("can neither look at another thing nor publish", async () => {
    await using server = await serveLocal();
    const words = deviceWords(server.endpoint.mqtt ?? "", await addThing(server, "pump-7"));
    for (const filter of [notifyTopic("pump-8"), notifyTopic("+"), "$aws/things/#", "#"]) {
      await using curious = new Subscriber(words, filter);
      expect(await curious.granted()).toBe(128);
    }
    await using device = await subscribe(server.endpoint.mqtt, await addThing(server, "pump-7"));
    expect((await publish(words, notifyTopic("pump-7"), "forged")).code).not.toBe(0);
    const opened = await open(server, "pump-7", "SSH");
    await device.message();
    expect(device.messages).toMatchObject([notification(opened["destinationAccessToken"], "SSH")]);
  });

  test("is let in as soon as the thing is added, and no more once it is removed", async () => {
    await using server = await serveLocal();
    const identity = await addThing(server, "pump-7");
    await using device = await subscribe(server.endpoint.mqtt, identity);
    await run("serve-local", "thing", "remove", "pump-7", ...server.local);
    await server.process.waitForLine(/device pump-7 was removed/, "stderr");
    await device.process.waitForLine(/Unable to load client certificate/);
    expect(existsSync(identity.certificatePath)).toBe(false);
    await addThing(server, "pump-7");
    await using _again = await subscribe(server.endpoint.mqtt, identity);
  });

  test("keeps its access over a restart of serve-local, or when added before the first start", async () => {
    using dir = tempDir();
    const stateDir = join(dir.path, "state");
    await run("serve-local", "thing", "add", "pump-7", "--state-dir", stateDir);
    for (let start = 0; start < 2; start += 1) {
      await using server = await serveLocal({ stateDir });
      const { things } = await run("serve-local", "thing", "list", ...server.local);
      const [identity] = things as unknown as ThingIdentity[];
      if (identity === undefined) throw new Error("the thing is gone");
      await using device = await subscribe(server.endpoint.mqtt, identity);
      await open(server, "pump-7", "SSH");
      await device.message();
    }
  });
});

describe("through another broker", () => {
  /** Options of serve-local that publish through mosquitto, by certificate. */
  async function byCertificate(broker: Mosquitto): Promise<string[]> {
    const { caPath, certificatePath, keyPath } = await broker.identity("serve-local");
    const files = ["--mqtt-ca", caPath, "--mqtt-cert", certificatePath, "--mqtt-key", keyPath];
    return ["--mqtt-broker", `mqtts://${broker.mqtt}`, ...files];
  }

  test("the notification is the same", async () => {
    await using broker = await startMosquitto();
    await using server = await serveLocal({ args: await byCertificate(broker) });
    expect(server.endpoint.mqtt).toBeUndefined();
    await using device = await subscribe(broker.mqtt, await broker.identity("pump-7"));
    const opened = await open(server, "pump-7", "SSH");
    expect(await device.message()).toMatchObject({
      topic: notifyTopic("pump-7"),
      ...notification(opened["destinationAccessToken"], "SSH"),
    });
  });

  test("a password does too, and is nowhere to be read", async () => {
    await using broker = await startMosquitto();
    const { caPath } = await broker.identity("serve-local");
    const password = encodeURIComponent(broker.password);
    await using server = await serveLocal({
      args: ["--mqtt-ca", caPath, "--log-level", "trace"],
      env: { TUNNEL_MQTT_BROKER: `mqtts://serve-local:${password}@${broker.passwordMqtt}` },
    });
    await using device = await subscribe(broker.mqtt, await broker.identity("pump-7"));
    const opened = await open(server, "pump-7", "SSH");
    expect(await device.message()).toMatchObject(notification(opened["destinationAccessToken"], "SSH"));
    const said = server.process.stdout + server.process.stderr;
    for (const secret of [broker.password, password, opened["destinationAccessToken"] ?? ""]) {
      expect(said).not.toContain(secret);
    }
  });

  test("a broker that is away delays no answer; the device is notified when it is back", async () => {
    await using broker = await startMosquitto();
    await using server = await serveLocal({ args: await byCertificate(broker) });
    await server.process.waitForLine(/connected to broker/, "stderr");
    await broker.stop();
    await server.process.waitForLine(/lost broker/, "stderr");
    const opened = await open(server, "pump-7", "SSH");
    await broker.restart();
    await using device = await subscribe(broker.mqtt, await broker.identity("pump-7"));
    // It may have been sent before the device was there, and is not retained: a rotation brings it.
    const connects = () => server.process.lines.stderr.filter((line) => line.includes("connected to broker"));
    await waitFor("the broker", () => connects().length > 1);
    const { tunnelId = "" } = opened;
    const rotated = await run("rotate", tunnelId, ...server.local, "--mode", "destination");
    const expected = notification(rotated["destinationAccessToken"], "SSH");
    await device.waitFor((message) => message.payload === expected.payload);
  });

  test("its access control list keeps devices to their own topic, and from publishing", async () => {
    await using broker = await startMosquitto();
    await using server = await serveLocal({ args: await byCertificate(broker) });
    await using device = await subscribe(broker.mqtt, await broker.identity("pump-7"));
    const other = deviceWords(broker.mqtt, await broker.identity("pump-8"));
    await using curious = new Subscriber(other, "$aws/things/+/tunnels/notify");
    await curious.granted();
    await publish(other, notifyTopic("pump-7"), "forged");
    const opened = await open(server, "pump-7", "SSH");
    await device.message();
    expect(device.messages).toMatchObject([notification(opened["destinationAccessToken"], "SSH")]);
    expect(curious.messages).toEqual([]);
  });
});

describe("where the broker listens", () => {
  test("is in the ready object, the environment and endpoint.json; --no-mqtt leaves it out", async () => {
    await using server = await serveLocal();
    const ready = JSON.parse(server.process.stdout);
    expect(ready).toMatchObject({
      mqtt: expect.stringMatching(/^localhost:\d+$/),
      things: join(server.stateDir, "things"),
    });
    const { set } = (await run("serve-local", "--env", "--state-dir", server.stateDir)) as unknown as {
      set: Record<string, string>;
    };
    expect(set["TUNNEL_MQTT_ENDPOINT"]).toBe(server.endpoint.mqtt);
    await using without = await serveLocal({ args: ["--no-mqtt"] });
    expect(Object.keys(JSON.parse(without.process.stdout))).not.toContain("mqtt");
  });

  test("a port that is taken is 71, with what to type", async () => {
    await using taken = await startTcpServer();
    const args = ["serve-local", "--ephemeral", "--listen", "0", "--mqtt-listen", String(taken.port)];
    const { code, stderr } = await runTunnel(args);
    expect([code, stderr.includes("--mqtt-listen 127.0.0.1:0"), stderr.includes("--no-mqtt")]).toEqual([
      71,
      true,
      true,
    ]);
  });

  test.each([
    [["--mqtt-listen", "0.0.0.0:0"], 64, "not a loopback address"],
    [["--no-mqtt", "--mqtt-listen", "0"], 64, "exclude each other"],
    [["--mqtt-broker", "mqtts://a", "--mqtt-listen", "0"], 64, "exclude each other"],
    [["--mqtt-ca", "x"], 64, "belongs to --mqtt-broker"],
    [["--mqtt-broker", "mqtt://broker.example.test"], 64, "only an address of this machine"],
    [["--mqtt-broker", "mqtt://localhost", "--mqtt-ca", "x"], 64, "certificates need TLS"],
    [["--mqtt-broker", "https://a"], 64, "must be mqtts://"],
    [["--mqtt-broker", "mqtts://a/path"], 64, "must be mqtts://"],
    [["--mqtt-broker", "mqtts://a", "--mqtt-cert", "x"], 64, "go together"],
    [["--mqtt-broker", "mqtts://a", "--mqtt-cert", "/none", "--mqtt-key", "/none"], 78, '"/none"'],
  ] as const)("%p", async (args, expected, message) => {
    const { code, stderr } = await runTunnel(["serve-local", "--ephemeral", "--listen", "0", ...args]);
    expect([code, stderr.includes(message), stderr]).toEqual([expected, true, stderr]);
  });
});
