import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { Aedes, type AedesOptions } from "aedes";
import { keepSubscribed, type SubscriptionOptions } from "../../../src/agent/mqtt-client.ts";
import type { TunnelError } from "../../../src/base/errors.ts";
import { UnreachableError } from "../../../src/base/errors.ts";
import { startTcpServer, type TestServer } from "../../helpers/servers.ts";
import { waitFor, within } from "../../helpers/wait.ts";

const TOPIC = "$aws/things/pump-7/tunnels/notify";
const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

interface Broker extends TestServer {
  readonly aedes: Aedes;
  readonly sockets: Socket[];
}

async function startBroker(options: AedesOptions = {}): Promise<Broker> {
  const aedes = await Aedes.createBroker(options);
  const sockets: Socket[] = [];
  const server = await startTcpServer((socket) => {
    sockets.push(socket);
    aedes.handle(socket);
  });
  open.push(server, { [Symbol.asyncDispose]: () => new Promise((resolve) => aedes.close(() => resolve())) });
  return { ...server, aedes, sockets };
}

/** A subscription with all it tells. */
function subscribe(port: number, options: Partial<SubscriptionOptions> = {}) {
  const stop = new AbortController();
  const told = {
    subscribed: 0,
    messages: [] as string[],
    lost: [] as { error: TunnelError; retryInMs: number }[],
  };
  const ended = keepSubscribed({
    topic: TOPIC,
    clientId: "pump-7-test",
    keepaliveS: 30,
    openLimitMs: 60_000,
    open: async () => connect(port, "127.0.0.1"),
    onSubscribed: () => {
      told.subscribed += 1;
    },
    onMessage: (payload) => told.messages.push(String(payload)),
    onLost: (error, retryInMs) => told.lost.push({ error, retryInMs }),
    random: () => 0.01,
    signal: stop.signal,
    ...options,
  });
  const stopNow = async () => {
    stop.abort();
    await within("the end of a subscription", ended);
  };
  open.push({ [Symbol.asyncDispose]: stopNow });
  return { ...told, told, stop: stopNow };
}

function publish({ aedes }: Broker, topic: string, payload: string): Promise<void> {
  return new Promise((resolve, reject) =>
    aedes.publish({ cmd: "publish", topic, payload, qos: 1, retain: false, dup: false }, (error) =>
      error ? reject(error) : resolve(),
    ),
  );
}

test("two clients with one id: the one that is dropped is told what to look for", async () => {
  const broker = await startBroker();
  const first = subscribe(broker.port, { clientId: "pump-7" });
  await waitFor("a subscription", () => first.told.subscribed);
  const second = subscribe(broker.port, { clientId: "pump-7", topic: "other" });
  await waitFor("the loss", () => first.told.lost.length > 0);
  await second.stop();
  const [lost] = first.told.lost;
  expect(lost?.error.message).toBe("the broker dropped the connection just after the subscription");
  expect(lost?.error.hint).toContain("is another client using client id pump-7?");
});

describe("a subscription", () => {
  test("hands over what comes on its topic", async () => {
    const broker = await startBroker();
    const { told } = subscribe(broker.port);
    await waitFor("a subscription", () => told.subscribed);
    await publish(broker, TOPIC, "one");
    await waitFor("a message", () => told.messages.length);
    expect(told.messages).toEqual(["one"]);
  });

  test("is given after a lost connection what was published meanwhile, once", async () => {
    const broker = await startBroker();
    const back = Promise.withResolvers<void>();
    let opened = 0;
    const reopen = async () => {
      if (opened++ > 0) await back.promise;
      return connect(broker.port, "127.0.0.1");
    };
    const { told } = subscribe(broker.port, { open: reopen });
    await waitFor("a subscription", () => told.subscribed);
    for (const socket of broker.sockets) socket.destroy();
    await waitFor("the loss", () => told.lost.length > 0 && broker.aedes.connectedClients === 0);
    await publish(broker, TOPIC, "meanwhile");
    back.resolve();
    await waitFor("the second subscription", () => told.subscribed === 2);
    await publish(broker, TOPIC, "afterwards");
    await waitFor("both messages", () => told.messages.includes("afterwards"));
    expect(told.messages).toEqual(["meanwhile", "afterwards"]);
  });

  test("leaves the broker when it is stopped", async () => {
    const broker = await startBroker();
    const { told, stop } = subscribe(broker.port);
    await waitFor("a subscription", () => told.subscribed);
    expect(broker.aedes.connectedClients).toBe(1);
    await stop();
    await waitFor("no client", () => broker.aedes.connectedClients === 0);
    expect(told.lost).toEqual([]);
  });

  test("that the broker refuses names what the policy has to allow, and is tried again", async () => {
    const broker = await startBroker({
      authorizeSubscribe: (_client, _subscription, done) => done(null, null),
    });
    const { told } = subscribe(broker.port);
    await waitFor("two tries", () => told.lost.length >= 2);
    const error = told.lost[0]?.error;
    expect(error?.message).toContain(`refused the subscription to ${TOPIC}`);
    for (const action of ["iot:Subscribe", "iot:Receive", TOPIC]) expect(error?.hint).toContain(action);
    expect(told.subscribed).toBe(0);
  });

  test("that the broker answers by closing, as AWS IoT does, says the same", async () => {
    const broker = await startBroker({ authorizeSubscribe: (client) => void client.close() });
    const { told } = subscribe(broker.port);
    await waitFor("a loss", () => told.lost.length);
    expect(told.lost[0]?.error.message).toContain("before it accepted the subscription");
    expect(told.lost[0]?.error.hint).toContain("iot:Subscribe");
  });

  test("of a client that may not connect names the client id", async () => {
    const broker = await startBroker({
      authenticate: (_client, _user, _password, done) =>
        done(Object.assign(new Error("no"), { returnCode: 5 }), null),
    });
    const { told } = subscribe(broker.port);
    await waitFor("a loss", () => told.lost.length);
    expect(told.lost[0]?.error.message).toMatch(/refused the connection: .*[Nn]ot authorized/);
    expect(told.lost[0]?.error.hint).toContain("pump-7-test");
  });

  test("comes back after each loss, with growing delays while it does not last", async () => {
    const broker = await startBroker();
    const { told } = subscribe(broker.port);
    for (let count = 1; count <= 4; count += 1) {
      await waitFor(`subscription ${count}`, () => told.subscribed === count);
      broker.sockets.at(-1)?.resetAndDestroy();
    }
    await waitFor("four losses", () => told.lost.length === 4);
    expect(told.lost.map(({ retryInMs }) => retryInMs)).toEqual([10, 20, 40, 80]);
  });

  test("outlives a stream that cannot be opened", async () => {
    const broker = await startBroker();
    let tries = 0;
    const { told } = subscribe(broker.port, {
      open: async () => {
        tries += 1;
        if (tries < 3) throw new UnreachableError("no network");
        return connect(broker.port, "127.0.0.1");
      },
    });
    await waitFor("a subscription", () => told.subscribed);
    expect(told.lost.map(({ error }) => error.message)).toEqual(["no network", "no network"]);
  });

  test("outlives a broker that talks nonsense", async () => {
    await using server = await startTcpServer((socket) =>
      socket.end(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    const { told } = subscribe(server.port);
    await waitFor("two losses", () => told.lost.length >= 2);
    expect(told.subscribed).toBe(0);
  });

  test("is ended while it waits, and while it connects", async () => {
    const { told, stop } = subscribe(1, {
      open: () => Promise.reject(new UnreachableError("no network")),
      random: () => 0.999,
    });
    await waitFor("a loss", () => told.lost.length);
    await stop();
    await using mute = await startTcpServer(() => {});
    const waiting = subscribe(mute.port);
    await waiting.stop();
    expect(waiting.told.lost).toEqual([]);
  });
});

describe("a way to the broker that never comes", () => {
  const never = () => new Promise<never>(() => {});

  test("is told as a failed attempt after its limit, and tried again", async () => {
    let asked = 0;
    const openNever = () => {
      asked += 1;
      return never();
    };
    const { told, stop } = subscribe(0, { open: openNever, openLimitMs: 30 });
    await waitFor("the second attempt", () => asked > 1);
    expect(told.lost[0]?.error.message).toBe("no way to the broker was found in 0.03 s");
    await stop();
  });

  test("does not hold a stop", async () => {
    const { told, stop } = subscribe(0, { open: never });
    await stop();
    expect(told.lost).toEqual([]);
  });

  test("a stream that comes after the stop is closed", async () => {
    await using server = await startTcpServer(() => {});
    const late = Promise.withResolvers<Socket>();
    const { stop } = subscribe(0, { open: () => late.promise });
    await stop();
    const socket = connect(server.port, "127.0.0.1");
    late.resolve(socket);
    await waitFor("the end of the stream", () => socket.destroyed);
  });
});
