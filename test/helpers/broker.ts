// The embedded broker in the test's own process, and devices that connect to it with mqtt.js.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { getLogger } from "../../src/base/log.ts";
import { prepareCertificates } from "../../src/emulator/certificates/certificates.ts";
import { type Broker, startBroker } from "../../src/emulator/notify/broker.ts";
import { addThing, type ThingIdentity, takeDeviceAuthority } from "../../src/emulator/notify/things.ts";
import { SqliteSessionStore } from "../../src/emulator/store/sqlite-sessions.ts";
import { tempDir } from "./temp-dir.ts";

export interface TestBroker extends AsyncDisposable {
  broker: Broker;
  readonly stateDir: string;
  /** Publishes a notification to a thing. */
  notify(thing: string, payload: string): void;
  stop(): Promise<void>;
  /** Stops it and starts it again on the same state directory, on another port. */
  restart(): Promise<void>;
  /** Connects as the device of a thing, which is added if need be. Fails when the broker does not let it in. */
  connect(thing: string | ThingIdentity, options?: IClientOptions): Promise<TestDevice>;
}

/** A connected device with everything it has received. Going out of scope drops its connection. */
export class TestDevice implements AsyncDisposable {
  readonly client: MqttClient;
  readonly received: {
    readonly topic: string;
    readonly payload: string;
    readonly qos: number;
    readonly retain: boolean;
  }[] = [];
  readonly closed: Promise<void>;

  constructor(client: MqttClient) {
    this.client = client;
    this.closed = new Promise((resolve) => client.once("close", () => resolve()));
    client.on("error", () => {});
    client.on("message", (topic, payload, { qos, retain }) => {
      this.received.push({ topic, payload: payload.toString(), qos, retain });
    });
  }

  get payloads(): string[] {
    return this.received.map(({ payload }) => payload);
  }

  /** The QoS that the broker grants for a filter; 128 is its refusal. */
  subscribe(filter: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.client.subscribe(filter, { qos: 1 }, (error, _grants, packet) => {
        const [granted] = packet?.granted ?? [];
        if (typeof granted === "number") resolve(granted);
        else reject(error ?? new Error(`no answer about ${filter}`));
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.endAsync(true);
  }
}

export async function startTestBroker(): Promise<TestBroker> {
  const dir = tempDir();
  const stateDir = join(dir.path, "local");
  const directory = join(stateDir, "ca");
  const now = Date.now();
  const { server } = await prepareCertificates({ directory, names: ["localhost"], addresses: [], now });
  const start = async () =>
    startBroker({
      listen: { host: "127.0.0.1", port: 0 },
      server,
      deviceAuthority: (await takeDeviceAuthority(stateDir)).certificate,
      things: join(stateDir, "things"),
      sessions: new SqliteSessionStore(join(stateDir, "sessions.db"), getLogger("test")),
      log: getLogger("test"),
    });
  const stop = async () => {
    await running.broker.close();
    dir[Symbol.dispose]();
  };
  const running: TestBroker = {
    broker: await start(),
    stateDir,
    notify: (thing, payload) =>
      running.broker.publish({ topic: `$aws/things/${thing}/tunnels/notify`, payload }),
    restart: async () => {
      await running.broker.close();
      running.broker = await start();
    },
    connect: async (thing, options = {}) => {
      const identity = typeof thing === "string" ? await addThing(stateDir, thing) : thing;
      const files = {
        ca: readFileSync(identity.caPath),
        cert: readFileSync(identity.certificatePath),
        key: readFileSync(identity.keyPath),
      };
      const where = { protocol: "mqtts", host: "localhost", port: running.broker.port } as const;
      const client = connect({ ...where, ...files, reconnectPeriod: 0, ...options });
      // Before it is connected: what waits for a session comes with the answer to CONNECT.
      const device = new TestDevice(client);
      await new Promise<void>((resolve, reject) => {
        client.once("connect", () => resolve());
        client.once("error", reject);
        client.once("close", () => reject(new Error("the broker closed the connection")));
      });
      return device;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return running;
}
