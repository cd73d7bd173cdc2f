// The embedded MQTT broker: it lets a device in by its certificate, and lets it do one thing, to subscribe to the
// reserved topics of its own thing.
import type { EventEmitter } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { Aedes, type Client, type Subscription } from "aedes";
import { escapeControl } from "../../base/escape.ts";
import type { Logger } from "../../base/log.ts";
import type { KeyPair } from "../authority.ts";
import { bind, type ListenAddress, toHost } from "../bind.ts";
import { GuardedSocket } from "./guarded-socket.ts";
import { isOwnTopic, type Notification } from "./notification.ts";
import type { Notifier } from "./notifier.ts";
import { isRegistered } from "./things.ts";

/** What AWS IoT Core asks for on port 443, and the protocol's registered name. */
const ALPN = ["x-amzn-mqtt-ca", "mqtt"];
/** Ours: a machine has no use for more devices, and each costs memory. */
const MAX_CLIENTS = 1_000;
/** More connections than that, in their TLS handshake, are not even accepted. */
const MAX_HANDSHAKES = 200;
/** TLS handshake and MQTT CONNECT have to come within this time each. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A quota of AWS IoT Core, for one connection. */
const MAX_SUBSCRIPTIONS = 50;
/** Characters, as in AWS IoT Core. */
const MAX_CLIENT_ID_LENGTH = 128;
/** Seconds; AWS IoT Core takes this for a longer time and for none. */
const MAX_KEEPALIVE = 1_200;
/** How often connected devices are compared with the things on file. */
const SWEEP_MS = 1_000;

/** A connected device: its certificate, and the thing that it is of. */
interface Device {
  readonly thingName: string;
  readonly certificate: Uint8Array;
  /** Topic filters that it was granted on this connection. */
  readonly filters: Set<string>;
}

export interface BrokerOptions {
  /** Loopback only. */
  readonly listen: ListenAddress;
  readonly server: KeyPair;
  /** PEM of the CA that issues device certificates. */
  readonly deviceAuthority: string;
  /** Directory of the things, as things.ts keeps it. */
  readonly things: string;
  readonly log: Logger;
}

/** A running broker. */
export interface Broker extends Notifier {
  readonly port: number;
}

/** Resolves when it listens. Throws ListenError. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const broker = new EmbeddedBroker(options);
  await broker.listen();
  return broker;
}

class EmbeddedBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #server: Server;
  /** Every accepted connection, with its TLS handshake done or not. */
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Client>();
  readonly #devices = new WeakMap<Client, Device>();
  #sweep: ReturnType<typeof setInterval> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#aedes = new Aedes(this.#rules());
    this.#server = createServer(
      {
        cert: options.server.certificate,
        key: options.server.privateKey,
        ca: options.deviceAuthority,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: "TLSv1.2",
        ALPNProtocols: ALPN,
        handshakeTimeout: CONNECT_TIMEOUT_MS,
      },
      (socket) => this.#onSocket(socket),
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { listen, log } = this.#options;
    await this.#aedes.listen();
    this.#aedes.on("clientError", (client, error) => this.#onClientError(client, error));
    this.#aedes.on("connectionError", (client, error) => this.#onClientError(client, error));
    this.#aedes.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#devices.get(client)?.filters.delete(filter);
    });
    this.#aedes.on("clientReady", (client) => this.#logDevice(client, "connected"));
    this.#aedes.on("clientDisconnect", (client) => this.#logDevice(client, "disconnected"));
    // Its own type leaves this event out.
    (this.#aedes as EventEmitter).on("error", (error) => log.error("the broker failed: {error}", { error }));
    try {
      const hint = `--mqtt-listen ${toHost(listen.host)}:0 takes a free port, --no-mqtt does without`;
      await bind(this.#server, listen, hint);
    } catch (error) {
      await this.#closeAedes();
      throw error;
    }
    this.#server.on("error", (error) => log.error("the broker's listener failed: {error}", { error }));
    this.#server.on("connection", (socket: Socket) => {
      if (this.#sockets.size >= MAX_CLIENTS + MAX_HANDSHAKES) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", (error, socket) => this.#refuse(socket, error.message));
    this.#sweep = setInterval(() => this.#dropRemoved(), SWEEP_MS);
    this.#sweep.unref();
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

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#closeAedes();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }

  #closeAedes(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(resolve));
  }

  #onSocket(socket: TLSSocket): void {
    const device = this.#identify(socket);
    if (device === undefined || this.#clients.size >= MAX_CLIENTS) {
      this.#refuse(
        socket,
        device === undefined ? "its certificate is not registered" : "too many are connected",
      );
      return;
    }
    const client = this.#aedes.handle(new GuardedSocket(socket));
    this.#clients.add(client);
    this.#devices.set(client, device);
    socket.once("close", () => this.#clients.delete(client));
  }

  #refuse(socket: TLSSocket, reason: string): void {
    this.#options.log.info("refused a device: {reason}", { reason: escapeControl(reason) });
    socket.on("error", () => {});
    socket.destroy();
  }

  #identify(socket: TLSSocket): Device | undefined {
    const { raw, subject } = socket.getPeerCertificate();
    const thingName = subject?.CN;
    if (!socket.authorized || raw === undefined || typeof thingName !== "string") {
      return undefined;
    }
    const device = { thingName, certificate: raw, filters: new Set<string>() };
    return this.#isRegistered(device) ? device : undefined;
  }

  #isRegistered({ thingName, certificate }: Device): boolean {
    return isRegistered(this.#options.things, thingName, certificate);
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
          this.#isRegistered(device)
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

  /** The end of a thing's access is the end of its connections too. */
  #dropRemoved(): void {
    for (const client of this.#clients) {
      const device = this.#devices.get(client);
      if (device !== undefined && !this.#isRegistered(device)) {
        this.#options.log.info("device {thingName} was removed", { thingName: device.thingName });
        client.close();
      }
    }
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
