import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { IClientOptions } from "mqtt";
import { createDeviceAuthority, issueDeviceCertificate } from "../../../../src/emulator/authority.ts";
import { addThing, removeThing, takeDeviceAuthority } from "../../../../src/emulator/notify/things.ts";
import { startTestBroker, type TestBroker } from "../../../helpers/broker.ts";
import { deviceWords, notifyTopic, Subscriber } from "../../../helpers/mqtt.ts";
import { failureOf } from "../../../helpers/proxies.ts";
import { waitFor, within } from "../../../helpers/wait.ts";

describe("a device with its certificate", () => {
  test("receives what is for its thing: QoS 1, unchanged, not retained", async () => {
    await using broker = await startTestBroker();
    await using device = await broker.connect("pump-7");
    expect(await device.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-7", '{"ä":"\\u0000"}');
    await waitFor("the notification", () => device.received.length > 0);
    const expected = { topic: notifyTopic("pump-7"), payload: '{"ä":"\\u0000"}', qos: 1, retain: false };
    expect(device.received).toEqual([expected]);
  });

  test.each([
    notifyTopic("pump-8"),
    "#",
    "+/#",
    "$aws/#",
    "$aws/things/+/tunnels/notify",
    "$aws/things/pump-7",
    "$SYS/#",
    "other/topic",
  ])("is refused the filter %s, and stays connected", async (filter) => {
    await using broker = await startTestBroker();
    await using device = await broker.connect("pump-7");
    expect(await device.subscribe(filter)).toBe(128);
    expect(await device.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-8", "not for it");
    broker.notify("pump-7", "for it");
    await waitFor("its own", () => device.payloads.includes("for it"));
    expect(device.payloads).toEqual(["for it"]);
  });

  test.each([notifyTopic("pump-7"), notifyTopic("pump-8"), "other/topic"])(
    "loses its connection when it publishes on %s",
    async (topic) => {
      await using broker = await startTestBroker();
      await using victim = await broker.connect("pump-8");
      await victim.subscribe(notifyTopic("pump-8"));
      await using device = await broker.connect("pump-7");
      await device.subscribe(notifyTopic("pump-7"));
      device.client.publish(topic, "forged", { qos: 0 });
      await within("the end of its connection", device.closed);
      broker.notify("pump-8", "real");
      await waitFor("the real one", () => victim.received.length > 0);
      expect([victim.payloads, device.payloads]).toEqual([["real"], []]);
    },
  );

  test("has no last will", async () => {
    await using broker = await startTestBroker();
    await using victim = await broker.connect("pump-8");
    await victim.subscribe(notifyTopic("pump-8"));
    const will = {
      topic: notifyTopic("pump-8"),
      payload: Buffer.from("forged"),
      qos: 1 as const,
      retain: true,
    };
    const device = await broker.connect("pump-7", { will });
    device.client.stream.destroy();
    await within("the end of its connection", device.closed);
    broker.notify("pump-8", "real");
    await waitFor("the real one", () => victim.received.length > 0);
    await using later = await broker.connect("pump-8", { clientId: "later" });
    await later.subscribe(notifyTopic("pump-8"));
    broker.notify("pump-8", "second");
    await waitFor("the second", () => later.received.length > 0 && victim.received.length > 1);
    expect([victim.payloads, later.payloads]).toEqual([["real", "second"], ["second"]]);
  });

  test("has 50 subscriptions at most, and a place for each that it gives up", async () => {
    await using broker = await startTestBroker();
    await using device = await broker.connect("pump-7");
    const filter = (index: number) => `$aws/things/pump-7/${index}`;
    const granted = await Promise.all(
      Array.from({ length: 51 }, (_, index) => device.subscribe(filter(index))),
    );
    expect(granted.filter((qos) => qos === 1)).toHaveLength(50);
    expect(granted.filter((qos) => qos === 128)).toHaveLength(1);
    await device.client.unsubscribeAsync(filter(0));
    expect(await device.subscribe(filter(99))).toBe(1);
  });

  test("takes the place of the connection with the same client id", async () => {
    await using broker = await startTestBroker();
    await using first = await broker.connect("pump-7", { clientId: "same" });
    await using second = await broker.connect("pump-7", { clientId: "same" });
    await within("the end of the first", first.closed);
    expect(await second.subscribe(notifyTopic("pump-7"))).toBe(1);
  });

  test("gets nothing later, even with a session that it wants kept", async () => {
    await using broker = await startTestBroker();
    const options = { clientId: "device", clean: false };
    const first = await broker.connect("pump-7", options);
    await first.subscribe(notifyTopic("pump-7"));
    first.client.stream.destroy();
    await within("its end", first.closed);
    broker.notify("pump-7", "while it was away");
    await using second = await broker.connect("pump-7", options);
    expect(await second.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-7", "now");
    await waitFor("the second", () => second.received.length > 0);
    expect(second.payloads).toEqual(["now"]);
  });
});

describe("who is let in", () => {
  test("not who shows no certificate", async () => {
    await using broker = await startTestBroker();
    await addThing(broker.stateDir, "pump-7");
    const nothing: IClientOptions = { cert: "", key: "" };
    expect(await failureOf(broker.connect("pump-7", nothing))).toBeInstanceOf(Error);
  });

  test("not who has a certificate of another CA in the thing's name", async () => {
    await using broker = await startTestBroker();
    await addThing(broker.stateDir, "pump-7");
    const foreign = await issueDeviceCertificate(
      await createDeviceAuthority(Date.now()),
      "pump-7",
      Date.now(),
    );
    const identity = { cert: foreign.certificate, key: foreign.privateKey };
    expect(await failureOf(broker.connect("pump-7", identity))).toBeInstanceOf(Error);
  });

  test("not who has one of the same CA that is not registered", async () => {
    await using broker = await startTestBroker();
    await addThing(broker.stateDir, "pump-7");
    const authority = await takeDeviceAuthority(broker.stateDir);
    const second = await issueDeviceCertificate(authority, "pump-7", Date.now());
    const identity = { cert: second.certificate, key: second.privateKey };
    expect(await failureOf(broker.connect("pump-7", identity))).toBeInstanceOf(Error);
  });

  test("not who speaks TLS below 1.2", async () => {
    await using broker = await startTestBroker();
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1" } as IClientOptions;
    expect(await failureOf(broker.connect("pump-7", old))).toBeInstanceOf(Error);
  });

  test("not a removed thing, at once; nor with its old certificate when it is added again", async () => {
    await using broker = await startTestBroker();
    const identity = await addThing(broker.stateDir, "pump-7");
    const old = { cert: readFileSync(identity.certificatePath), key: readFileSync(identity.keyPath) };
    await using device = await broker.connect("pump-7");
    await device.subscribe(notifyTopic("pump-7"));
    removeThing(broker.stateDir, "pump-7");
    broker.notify("pump-7", "too late");
    await within("the end of its connection", device.closed);
    expect(device.payloads).toEqual([]);
    await addThing(broker.stateDir, "pump-7");
    expect(await failureOf(broker.connect("pump-7", old))).toBeInstanceOf(Error);
    await using again = await broker.connect("pump-7");
    expect(await again.subscribe(notifyTopic("pump-7"))).toBe(1);
  });

  test.each(["x-amzn-mqtt-ca", "mqtt"])("who asks for ALPN %s", async (protocol) => {
    await using broker = await startTestBroker();
    await using device = await broker.connect("pump-7", { ALPNProtocols: [protocol] });
    expect(await device.subscribe(notifyTopic("pump-7"))).toBe(1);
    expect((device.client.stream as { alpnProtocol?: string }).alpnProtocol).toBe(protocol);
  });

  test("not who asks for another protocol", async () => {
    await using broker = await startTestBroker();
    expect(await failureOf(broker.connect("pump-7", { ALPNProtocols: ["http/1.1"] }))).toBeInstanceOf(Error);
  });

  test("not with a client id beyond 128 characters", async () => {
    await using broker = await startTestBroker();
    await using _device = await broker.connect("pump-7", { clientId: "x".repeat(128) });
    expect(await failureOf(broker.connect("pump-7", { clientId: "x".repeat(129) }))).toBeInstanceOf(Error);
  });
});

describe("what a device may not cost", () => {
  /** A TLS connection of a device that says what it likes. */
  async function connectRaw(broker: TestBroker) {
    const identity = await addThing(broker.stateDir, "pump-7");
    const socket = connectTls({
      host: "127.0.0.1",
      servername: "localhost",
      port: broker.broker.port,
      ca: readFileSync(identity.caPath),
      cert: readFileSync(identity.certificatePath),
      key: readFileSync(identity.keyPath),
    });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    return socket;
  }

  test("memory for a packet beyond 128 KiB: it is dropped when it announces one", async () => {
    await using broker = await startTestBroker();
    const socket = await connectRaw(broker);
    const ended = once(socket, "close");
    // A CONNECT of 256 MiB, of which nothing more comes.
    socket.write(Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f));
    await within("the end of its connection", ended);
  });

  test("the others' time: one that does not read is dropped, and they miss nothing", async () => {
    await using broker = await startTestBroker();
    await using good = await broker.connect("pump-7");
    await good.subscribe(notifyTopic("pump-7"));
    const words = deviceWords(`localhost:${broker.broker.port}`, await addThing(broker.stateDir, "pump-7"));
    await using slow = new Subscriber(words, notifyTopic("pump-7"), "received");
    expect(await slow.granted()).toBe(1);
    slow.process.signal("SIGSTOP");
    const payload = "x".repeat(100_000);
    for (let count = 1; count <= 150; count += 1) {
      broker.notify("pump-7", payload);
      await waitFor(`notification ${count}`, () => good.received.length === count);
    }
    slow.process.signal("SIGCONT");
    const { stdout, stderr } = slow.process.lines;
    const connects = () => stdout.filter((line) => line.endsWith("sending CONNECT")).length;
    await waitFor("the end of its connection", () => stderr.length > 0 || connects() > 1);
    expect(stdout.filter((line) => line === "received").length).toBeLessThan(150);
  });

  test("the stop: it takes no longer for connections that say nothing", async () => {
    const broker = await startTestBroker();
    const idle = connectTcp(broker.broker.port, "127.0.0.1");
    idle.on("error", () => {});
    await once(idle, "connect");
    const silent = await connectRaw(broker);
    const device = await broker.connect("pump-7");
    await within("the stop", broker.stop(), 3_000);
    await within("the end of the device", device.closed, 3_000);
    idle.destroy();
    silent.destroy();
  });
});

test("a thing whose file is damaged is refused, the others are not", async () => {
  await using broker = await startTestBroker();
  const identity = await addThing(broker.stateDir, "pump-7");
  const pair = { cert: readFileSync(identity.certificatePath), key: readFileSync(identity.keyPath) };
  writeFileSync(join(broker.stateDir, "things/pump-7/certificate.pem"), "");
  expect(await failureOf(broker.connect(identity, pair))).toBeInstanceOf(Error);
  await using device = await broker.connect("pump-8");
  expect(await device.subscribe(notifyTopic("pump-8"))).toBe(1);
});
