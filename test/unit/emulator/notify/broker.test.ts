import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { IClientOptions } from "mqtt";
import {
  createDeviceAuthority,
  issueDeviceCertificate,
} from "../../../../src/emulator/certificates/authority.ts";
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

  test("has its own client ids: another thing with the same one changes nothing", async () => {
    await using broker = await startTestBroker();
    await using first = await broker.connect("pump-7", { clientId: "same", clean: false });
    await first.subscribe(notifyTopic("pump-7"));
    await using second = await broker.connect("pump-8", { clientId: "same" });
    await second.subscribe(notifyTopic("pump-8"));
    broker.notify("pump-7", "for the first");
    await waitFor("its notification", () => first.received.length > 0);
    expect([first.payloads, second.payloads]).toEqual([["for the first"], []]);
  });
});

describe("a session without clean session", () => {
  const OPTIONS: IClientOptions = { clientId: "device", clean: false };

  /** A device that is away, with a session. */
  async function leaveSession(broker: TestBroker, options = OPTIONS): Promise<void> {
    const device = await broker.connect("pump-7", options);
    expect(await device.subscribe(notifyTopic("pump-7"))).toBe(1);
    device.client.stream.destroy();
    await within("its end", device.closed);
  }

  test("is notified of what came while its device was away, without subscribing again", async () => {
    await using broker = await startTestBroker();
    await leaveSession(broker);
    broker.notify("pump-7", "first");
    broker.notify("pump-7", "second");
    await using back = await broker.connect("pump-7", OPTIONS);
    await waitFor("both", () => back.received.length === 2);
    broker.notify("pump-7", "third");
    await waitFor("the third", () => back.received.length === 3);
    expect(back.payloads).toEqual(["first", "second", "third"]);
  });

  test("outlives the broker, and what was acknowledged does not come again", async () => {
    await using broker = await startTestBroker();
    const device = await broker.connect("pump-7", OPTIONS);
    await device.subscribe(notifyTopic("pump-7"));
    broker.notify("pump-7", "acknowledged");
    await waitFor("it", () => device.received.length === 1);
    // An answer to this tells that the acknowledgement before it has arrived.
    await device.client.unsubscribeAsync("$aws/things/pump-7/nothing");
    await broker.restart();
    await within("its end", device.closed);
    broker.notify("pump-7", "while it was away");
    await broker.restart();
    await using back = await broker.connect("pump-7", OPTIONS);
    await waitFor("the other", () => back.received.length > 0);
    expect(back.payloads).toEqual(["while it was away"]);
    expect(statSync(join(broker.stateDir, "sessions.db")).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["a clean session", { clientId: "device", clean: true }],
    ["another client id", { clientId: "other", clean: false }],
  ])("is not that of %s", async (_title, options) => {
    await using broker = await startTestBroker();
    await leaveSession(broker);
    broker.notify("pump-7", "for the session");
    await using back = await broker.connect("pump-7", options);
    expect(await back.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-7", "now");
    await waitFor("the one", () => back.received.length > 0);
    expect(back.payloads).toEqual(["now"]);
  });

  test("is ended by a clean one of the same client id", async () => {
    await using broker = await startTestBroker();
    await leaveSession(broker);
    await leaveSession(broker, { clientId: "device", clean: true });
    broker.notify("pump-7", "for nobody");
    await using back = await broker.connect("pump-7", OPTIONS);
    expect(await back.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-7", "now");
    await waitFor("the one", () => back.received.length > 0);
    expect(back.payloads).toEqual(["now"]);
  });

  test("ends with its thing: added again, it has another certificate and no session", async () => {
    await using broker = await startTestBroker();
    await leaveSession(broker);
    broker.notify("pump-7", "before");
    removeThing(broker.stateDir, "pump-7");
    await addThing(broker.stateDir, "pump-7");
    broker.notify("pump-7", "between");
    await using back = await broker.connect("pump-7", OPTIONS);
    expect(await back.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-7", "after");
    await waitFor("the one", () => back.received.length > 0);
    expect(back.payloads).toEqual(["after"]);
  });

  test("begins anew where its file is damaged", async () => {
    await using broker = await startTestBroker();
    await leaveSession(broker);
    await broker.broker.close();
    writeFileSync(join(broker.stateDir, "sessions.db"), "x".repeat(10_000));
    await broker.restart();
    await leaveSession(broker);
    broker.notify("pump-7", "while it was away");
    await using back = await broker.connect("pump-7", OPTIONS);
    await waitFor("it", () => back.received.length > 0);
    expect(back.payloads).toEqual(["while it was away"]);
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
  async function connectRaw(broker: TestBroker, thing = "pump-7") {
    const identity = await addThing(broker.stateDir, thing);
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

  test("other devices' places: of its own connections the oldest go", async () => {
    await using broker = await startTestBroker();
    await using other = await broker.connect("pump-8");
    await other.subscribe(notifyTopic("pump-8"));
    const own: Awaited<ReturnType<typeof connectRaw>>[] = [];
    const gone: Promise<unknown>[] = [];
    for (let count = 0; count < 12; count += 1) {
      const socket = await connectRaw(broker);
      own.push(socket);
      gone.push(once(socket.resume(), "close"));
    }
    await within("the end of the oldest", Promise.all(gone.slice(0, 2)));
    // None of these reads, so none answers the end of its connection: they are gone all the same.
    for (let count = 0; count < 1_200; count += 1) own.push(await connectRaw(broker));
    await using third = await broker.connect("pump-9");
    expect(await third.subscribe(notifyTopic("pump-9"))).toBe(1);
    await using own13 = await broker.connect("pump-7");
    expect(await own13.subscribe(notifyTopic("pump-7"))).toBe(1);
    broker.notify("pump-8", "undisturbed");
    await waitFor("its notification", () => other.received.length > 0);
    for (const socket of own) socket.destroy();
  }, 60_000);

  test("the way in: hundreds that never finish their handshake keep nobody out", async () => {
    await using broker = await startTestBroker();
    const silent = Array.from({ length: 600 }, () => connectTcp(broker.broker.port, "127.0.0.1"));
    for (const socket of silent) socket.on("error", () => {});
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    await using device = await broker.connect("pump-7");
    expect(await device.subscribe(notifyTopic("pump-7"))).toBe(1);
    for (const socket of silent) socket.destroy();
  });

  test("memory and time for a flood of packets: it is dropped", async () => {
    await using broker = await startTestBroker();
    await using other = await broker.connect("pump-8");
    await other.subscribe(notifyTopic("pump-8"));
    const socket = await connectRaw(broker);
    const ended = once(socket, "close");
    socket.write(Uint8Array.of(0x10, 13, 0, 4, ...Buffer.from("MQTT"), 4, 2, 0, 60, 0, 1, 0x70));
    socket.resume();
    // A SUBSCRIBE to "p", 240,000 times.
    const flood = Buffer.concat(Array(240_000).fill(Buffer.of(0x82, 6, 1, 1, 0, 1, 0x70, 0)));
    const before = process.memoryUsage.rss();
    socket.write(flood);
    await within("the end of its connection", ended);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    broker.notify("pump-8", "undisturbed");
    await waitFor("its notification", () => other.received.length > 0);
  });

  test("time for a packet with thousands of filters", async () => {
    await using broker = await startTestBroker();
    const socket = await connectRaw(broker);
    const ended = once(socket.resume(), "close");
    socket.write(Uint8Array.of(0x10, 13, 0, 4, ...Buffer.from("MQTT"), 4, 2, 0, 60, 0, 1, 0x70));
    const filters = Buffer.concat(Array(51).fill(Buffer.of(0, 1, 0x70, 0)));
    socket.write(Buffer.concat([Buffer.of(0x82, 0x80 | (206 % 128), 1, 0, 1), filters]));
    await within("the end of its connection", ended);
  });

  test("a delivery that it disputes: PUBREC for QoS 1 ends its connection", async () => {
    await using broker = await startTestBroker();
    const socket = await connectRaw(broker);
    const ended = once(socket, "close");
    const topic = notifyTopic("pump-7");
    const subscribe = Buffer.concat([
      Buffer.of(0x82, topic.length + 5, 0, 1, 0, topic.length),
      Buffer.from(topic),
      Buffer.of(1),
    ]);
    socket.write(Uint8Array.of(0x10, 13, 0, 4, ...Buffer.from("MQTT"), 4, 2, 0, 60, 0, 1, 0x70));
    socket.write(subscribe);
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    await waitFor("CONNACK and SUBACK", () => received.length >= 4 + 5);
    broker.notify("pump-7", "x");
    await waitFor("the message", () => received.length > 9);
    const packetId = received.subarray(9 + 2 + 2 + topic.length).subarray(0, 2);
    socket.write(Buffer.concat([Buffer.of(0x50, 2), packetId]));
    await within("the end of its connection", ended);
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
