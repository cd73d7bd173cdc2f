import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Aedes, type AedesPublishPacket } from "aedes";
import { getLogger } from "../../../../src/base/log.ts";
import { Password } from "../../../../src/base/secret.ts";
import { type BrokerAddress, ExternalBroker } from "../../../../src/emulator/notify/external-broker.ts";
import { freePort } from "../../../helpers/servers.ts";
import { waitFor, within } from "../../../helpers/wait.ts";

interface OtherBroker extends AsyncDisposable {
  readonly address: BrokerAddress;
  /** Notifications that came, as `topic payload qos retain`. */
  readonly published: string[];
}

/** Somebody else's broker, without TLS, that lets in who has this password. */
async function startOtherBroker(port = 0, password = "p"): Promise<OtherBroker> {
  const published: string[] = [];
  const aedes = await Aedes.createBroker({
    authenticate: (_client, username, given, done) =>
      done(null, username === "serve-local" && given?.toString() === password),
    authorizePublish: (_client, packet, done) => {
      const { topic, payload, qos, retain } = packet as AedesPublishPacket;
      if (topic.startsWith("$aws/")) published.push(`${topic} ${payload} ${qos} ${retain}`);
      done(null);
    },
  });
  const server = createServer((socket) => void aedes.handle(socket));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    address: addressOf((server.address() as AddressInfo).port),
    published,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      await new Promise<void>((resolve) => aedes.close(resolve));
      await closed;
    },
  };
}

function addressOf(port: number): BrokerAddress {
  const password = new Password("p");
  return { isSecure: false, host: "127.0.0.1", port, username: "serve-local", password };
}

function startClient(address: BrokerAddress) {
  const client = new ExternalBroker(address, getLogger("test"));
  const publish = (payload: string) => client.publish({ topic: "$aws/things/a/tunnels/notify", payload });
  return { publish, close: () => client.close(), [Symbol.asyncDispose]: () => client.close() };
}

const line = (payload: string) => `$aws/things/a/tunnels/notify ${payload} 1 false`;

test("what is published before the connection stands arrives, in order, each once", async () => {
  await using broker = await startOtherBroker();
  await using client = startClient(broker.address);
  for (let index = 0; index < 20; index += 1) client.publish(String(index));
  await waitFor("all of them", () => broker.published.length >= 20);
  expect(broker.published).toEqual(Array.from({ length: 20 }, (_, index) => line(String(index))));
});

test("a broker that comes late, goes and comes back gets what was published meanwhile", async () => {
  const port = await freePort();
  await using client = startClient(addressOf(port));
  client.publish("before");
  const first = await startOtherBroker(port);
  await waitFor("the first", () => first.published.length > 0);
  await first[Symbol.asyncDispose]();
  client.publish("meanwhile");
  await using second = await startOtherBroker(port);
  await waitFor("the second", () => second.published.includes(line("meanwhile")));
});

test("while it is away the newest thousand are kept", async () => {
  const port = await freePort();
  await using client = startClient(addressOf(port));
  for (let index = 0; index < 1_200; index += 1) client.publish(String(index));
  await using broker = await startOtherBroker(port);
  await waitFor("the last", () => broker.published.includes(line("1199")));
  expect([broker.published.length, broker.published[0]]).toEqual([1_000, line("200")]);
});

describe("the stop", () => {
  test("waits for what is on its way", async () => {
    await using broker = await startOtherBroker();
    const client = startClient(broker.address);
    client.publish("first");
    await waitFor("the first", () => broker.published.length > 0);
    client.publish("last");
    await client.close();
    expect(broker.published).toEqual([line("first"), line("last")]);
  });

  test("does not wait for a broker that is away or that lets nobody in", async () => {
    const away = startClient(addressOf(await freePort()));
    away.publish("lost");
    await within("the stop", away.close(), 3_000);
    await using strict = await startOtherBroker(0, "another");
    const refused = startClient(strict.address);
    refused.publish("lost");
    await within("the stop", refused.close(), 3_000);
    expect(strict.published).toEqual([]);
  });
});
