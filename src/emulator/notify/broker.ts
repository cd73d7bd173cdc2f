// The embedded MQTT broker: it lets a device in by its certificate, and lets it do one thing, to subscribe to the
// reserved topics of its own thing.

import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { escapeControl } from "../../base/escape.ts";
import { bracketed } from "../../base/host-names.ts";
import type { Logger } from "../../base/log.ts";
import type { Identity } from "../certificates/authority.ts";
import { bind, type ListenAddress } from "../server/bind.ts";
import type { SessionStore } from "../store/session-store.ts";
import { Connection, type Device } from "./connection.ts";
import type { Notifier } from "./notifier.ts";
import { isOwnTopic, type Notification } from "./notify-message.ts";
import { type Session, Sessions } from "./sessions.ts";
import { fingerprintOf, registeredFingerprint } from "./things.ts";

/** What AWS IoT Core asks for on port 443, and the protocol's registered name. */
const ALPN = ["x-amzn-mqtt-ca", "mqtt"];
/** Ours: a machine has no use for more devices, and each costs memory. */
const MAX_CONNECTIONS = 1_000;
/** Ours. Of one thing; a newcomer takes the place of the oldest, which a device that reconnects has left behind. */
const MAX_CONNECTIONS_OF_THING = 10;
/** Connections in their TLS handshake, of whom nobody knows yet who they are. A newcomer takes the oldest one's place. */
const MAX_HANDSHAKES = 200;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How often connected devices are compared with the things on file, and sessions with the time. */
const SWEEP_MS = 1_000;

export interface BrokerOptions {
  /** Loopback only. */
  readonly listen: ListenAddress;
  readonly server: Identity;
  /** PEM of the CA that issues device certificates. */
  readonly deviceAuthority: string;
  /** Directory of the things, as things.ts keeps it. */
  readonly things: string;
  /** Where sessions outlive the broker, which closes it at its own end. */
  readonly sessions: SessionStore;
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
  readonly #server: Server;
  readonly #store: SessionStore;
  readonly #sessions: Sessions;
  /** Connections in their TLS handshake by remote address, the oldest first. */
  readonly #handshakes = new Map<string, Socket>();
  /** Connections of known devices, the oldest first. */
  readonly #connections = new Set<Connection>();
  readonly #online = new Map<Session, Connection>();
  #sweep: ReturnType<typeof setInterval> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#store = options.sessions;
    this.#sessions = new Sessions(this.#store, options.log, Date.now());
    this.#server = createServer(
      {
        cert: options.server.certificate,
        key: options.server.privateKey,
        ca: options.deviceAuthority,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: "TLSv1.2",
        ALPNProtocols: ALPN,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      },
      (socket) => this.#onSecure(socket),
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { listen, log } = this.#options;
    try {
      const hint = `--mqtt-listen ${bracketed(listen.host)}:0 takes a free port, --no-mqtt does without`;
      await bind(this.#server, listen, hint);
    } catch (error) {
      this.#store.close();
      throw error;
    }
    this.#server.on("error", (error) => log.error("the broker's listener failed: {error}", { error }));
    this.#server.on("connection", (socket: Socket) => this.#onHandshake(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#refuse(socket, error.message));
    this.#sweep = setInterval(() => this.#clean(), SWEEP_MS);
    this.#sweep.unref();
  }

  publish(notification: Notification): void {
    const [, , thingName = ""] = notification.topic.split("/");
    if (!isOwnTopic(notification.topic, thingName)) return;
    const now = Date.now();
    this.#sessions.dropExpired(now);
    const registered = registeredFingerprint(this.#options.things, thingName);
    for (const session of this.#sessions.ofThing(thingName)) {
      const qos = session.qosOf(notification.topic);
      if (qos === undefined || session.fingerprint !== registered) continue;
      const pending = qos === 0 ? undefined : this.#sessions.enqueue(session, notification, now);
      this.#online.get(session)?.deliver(notification, pending);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.drop("the broker stops");
    for (const socket of this.#handshakes.values()) socket.destroy();
    this.#store.close();
    await closed;
  }

  #onHandshake(socket: Socket): void {
    const address = addressOf(socket);
    this.#handshakes.set(address, socket);
    socket.once("close", () => this.#handshakes.delete(address));
    const [oldest] = this.#handshakes.values();
    if (this.#handshakes.size > MAX_HANDSHAKES) oldest?.destroy();
  }

  #onSecure(socket: TLSSocket): void {
    this.#handshakes.delete(addressOf(socket));
    const device = this.#identify(socket);
    if (device === undefined) return this.#refuse(socket, "its certificate is not registered");
    const ofThing = [...this.#connections].filter((each) => each.device.thingName === device.thingName);
    const [oldest] = ofThing;
    if (oldest !== undefined && ofThing.length >= MAX_CONNECTIONS_OF_THING) {
      this.#connections.delete(oldest);
      oldest.drop("too many of its thing are connected");
    } else if (this.#connections.size >= MAX_CONNECTIONS)
      return this.#refuse(socket, "too many are connected");
    const { log } = this.#options;
    const { thingName } = device;
    const connection = new Connection(socket, device, this.#sessions, {
      onConnect: (each) => this.#onConnect(each),
      onRefusal: (reason) =>
        log.info("refused a subscription of device {thingName}: {reason}", { thingName, reason }),
      onClose: (each, reason) => this.#onClose(each, reason),
    });
    this.#connections.add(connection);
  }

  #onConnect(connection: Connection): void {
    const { session, device } = connection;
    if (session === undefined) return;
    for (const other of this.#connections) {
      const isSame = other !== connection && other.device.thingName === device.thingName;
      if (isSame && other.session?.clientId === session.clientId) this.#replace(other);
    }
    this.#online.set(session, connection);
    this.#logDevice(connection, "connected");
  }

  /** [MQTT-3.1.4-2] Its session, where it is kept, is the newcomer's already. */
  #replace(connection: Connection): void {
    const { session } = connection;
    if (session !== undefined) this.#online.delete(session);
    this.#connections.delete(connection);
    connection.abandon();
  }

  #onClose(connection: Connection, reason: string | undefined): void {
    this.#connections.delete(connection);
    const { session, device } = connection;
    if (session !== undefined && this.#online.get(session) === connection) this.#online.delete(session);
    if (reason !== undefined) {
      this.#options.log.info("device {thingName} was dropped: {reason}", {
        thingName: device.thingName,
        reason: escapeControl(reason),
      });
    }
    if (session !== undefined) this.#logDevice(connection, "disconnected");
  }

  #refuse(socket: TLSSocket, reason: string): void {
    this.#options.log.info("refused a device: {reason}", { reason: escapeControl(reason) });
    socket.on("error", () => {});
    socket.destroy();
  }

  #identify(socket: TLSSocket): Device | undefined {
    const { raw, subject } = socket.getPeerCertificate();
    const thingName = subject?.CN;
    if (!socket.authorized || raw === undefined || typeof thingName !== "string") return undefined;
    const device = { thingName, fingerprint: fingerprintOf(raw) };
    return this.#isRegistered(device) ? device : undefined;
  }

  #isRegistered({ thingName, fingerprint }: Device): boolean {
    return registeredFingerprint(this.#options.things, thingName) === fingerprint;
  }

  /** The end of a thing's access is the end of its connections and sessions too. */
  #clean(): void {
    this.#sessions.dropExpired(Date.now());
    for (const connection of this.#connections) {
      if (this.#isRegistered(connection.device)) continue;
      this.#options.log.info("device {thingName} was removed", { thingName: connection.device.thingName });
      if (connection.session !== undefined) this.#sessions.remove(connection.session);
      connection.end();
    }
  }

  #logDevice({ device: { thingName }, session }: Connection, what: string): void {
    const clientId = escapeControl(session?.clientId ?? "");
    this.#options.log.info(`device {thingName} ${what}`, { thingName, clientId });
  }
}

/** What a connection and the TLS on top of it have in common. */
function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
