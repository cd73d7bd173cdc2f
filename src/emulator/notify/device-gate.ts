// What a device may do at the broker once its certificate was good: subscribe to the reserved topics of its own thing.
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { Aedes, type Client, type Subscription } from "aedes";
import { escapeControl } from "../../base/escape.ts";
import type { Logger } from "../../base/log.ts";
import { isOwnTopic, type Notification } from "./notification.ts";

/** MQTT CONNECT has to come within this time. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A quota of AWS IoT Core, for one connection. */
const MAX_SUBSCRIPTIONS = 50;
/** Characters, as in AWS IoT Core. */
const MAX_CLIENT_ID_LENGTH = 128;
/** Seconds; AWS IoT Core takes this for a longer time and for none. */
const MAX_KEEPALIVE = 1_200;

/** The thing that a connection is of, and the certificate that it showed. */
export interface Identity {
  readonly thingName: string;
  /** DER. */
  readonly certificate: Uint8Array;
}

/** A connected device. */
interface Device extends Identity {
  /** Topic filters that it was granted on this connection. */
  readonly filters: Set<string>;
}

export interface DeviceGateOptions {
  /** Whether a device still has the access that it was let in with. */
  readonly isRegistered: (identity: Identity) => boolean;
  readonly log: Logger;
}

/** Speaks MQTT with devices, and lets each do what it may. */
export class DeviceGate {
  readonly #options: DeviceGateOptions;
  readonly #aedes: Aedes;
  readonly #clients = new Set<Client>();
  readonly #devices = new WeakMap<Client, Device>();

  constructor(options: DeviceGateOptions) {
    this.#options = options;
    this.#aedes = new Aedes(this.#rules());
    this.#aedes.on("clientError", (client, error) => this.#onClientError(client, error));
    this.#aedes.on("connectionError", (client, error) => this.#onClientError(client, error));
    this.#aedes.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#devices.get(client)?.filters.delete(filter);
    });
    this.#aedes.on("clientReady", (client) => this.#logDevice(client, "connected"));
    this.#aedes.on("clientDisconnect", (client) => this.#logDevice(client, "disconnected"));
    // Its own type leaves this event out.
    (this.#aedes as EventEmitter).on("error", (error) =>
      options.log.error("the broker failed: {error}", { error }),
    );
  }

  async open(): Promise<void> {
    await this.#aedes.listen();
  }

  /** Devices that are connected or about to be. */
  get size(): number {
    return this.#clients.size;
  }

  /** Takes a device's connection; its bytes are foreign, and bounded by the stream itself. */
  admit(stream: Duplex, identity: Identity): void {
    const client = this.#aedes.handle(stream);
    this.#clients.add(client);
    this.#devices.set(client, { ...identity, filters: new Set() });
    stream.once("close", () => this.#clients.delete(client));
  }

  publish({ topic, payload }: Notification): void {
    this.#aedes.publish(
      { cmd: "publish", topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false },
      (error) => {
        if (error) {
          this.#options.log.warn("a notification on {topic} was lost: {error}", { topic, error });
        }
      },
    );
  }

  /** The end of a thing's access is the end of its connections too. */
  dropRemoved(): void {
    for (const client of this.#clients) {
      const device = this.#devices.get(client);
      if (device !== undefined && !this.#options.isRegistered(device)) {
        this.#options.log.info("device {thingName} was removed", { thingName: device.thingName });
        client.close();
      }
    }
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(resolve));
  }

  #rules(): ConstructorParameters<typeof Aedes>[0] {
    return {
      connectTimeout: CONNECT_TIMEOUT_MS,
      preConnect: (_client, packet, done) => {
        packet.keepalive = Math.min(packet.keepalive || MAX_KEEPALIVE, MAX_KEEPALIVE);
        // Every session ends with its connection. AWS IoT would keep a persistent one for an hour, and what is sent
        // meanwhile; a device must not rely on that, and here it would be a queue for whoever takes the client id.
        packet.clean = true;
        // Nobody may publish, so a last will is worth nothing; clients that always set one still get in.
        delete packet.will;
        done(null, true);
      },
      authenticate: (client, _user, _password, done) => {
        const isGood = client.id.length <= MAX_CLIENT_ID_LENGTH;
        done(
          isGood ? null : Object.assign(new Error("the client id is too long"), { returnCode: 2 }),
          isGood,
        );
      },
      authorizePublish: (client, packet, done) => {
        const topic = escapeControl(packet.topic, 200);
        done(client === null ? null : new Error(`it may not publish, and did on ${topic}`));
      },
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#maySubscribe(client, subscription) ? subscription : null);
      },
      authorizeForward: (client, packet) => {
        const device = this.#devices.get(client);
        return device !== undefined &&
          isOwnTopic(packet.topic, device.thingName) &&
          this.#options.isRegistered(device)
          ? packet
          : null;
      },
    };
  }

  #maySubscribe(client: Client, { topic }: Subscription): boolean {
    const device = this.#devices.get(client);
    if (device === undefined || !isOwnTopic(topic, device.thingName)) {
      this.#logRefusal(device, `it may not subscribe to ${topic}`);
      return false;
    }
    device.filters.add(topic);
    if (device.filters.size <= MAX_SUBSCRIPTIONS) {
      return true;
    }
    device.filters.delete(topic);
    this.#logRefusal(device, `it has ${MAX_SUBSCRIPTIONS} subscriptions`);
    return false;
  }

  #logRefusal(device: Device | undefined, reason: string): void {
    this.#options.log.info("refused a subscription of device {thingName}: {reason}", {
      thingName: device?.thingName,
      reason: escapeControl(reason, 200),
    });
  }

  #onClientError(client: Client, error: Error): void {
    const thingName = this.#devices.get(client)?.thingName;
    this.#options.log.info("device {thingName} was dropped: {reason}", {
      thingName,
      reason: escapeControl(error.message),
    });
  }

  #logDevice(client: Client, what: string): void {
    const thingName = this.#devices.get(client)?.thingName;
    this.#options.log.info(`device {thingName} ${what}`, { thingName, clientId: escapeControl(client.id) });
  }
}
