// The embedded MQTT broker: it lets a device in by its certificate, as one of the thing that it is for.
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { escapeControl } from "../../base/escape.ts";
import type { Logger } from "../../base/log.ts";
import type { KeyPair } from "../authority.ts";
import { bind, type ListenAddress, toHost } from "../bind.ts";
import { DeviceGate, type Identity } from "./device-gate.ts";
import { GuardedSocket } from "./guarded-socket.ts";
import type { Notification } from "./notification.ts";
import type { Notifier } from "./notifier.ts";
import { isRegistered } from "./things.ts";

/** What AWS IoT Core asks for on port 443, and the protocol's registered name. */
const ALPN = ["x-amzn-mqtt-ca", "mqtt"];
/** Ours: a machine has no use for more devices, and each costs memory. */
const MAX_CLIENTS = 1_000;
/** More connections than that, in their TLS handshake, are not even accepted. */
const MAX_HANDSHAKES = 200;
/** The TLS handshake has to be done within this time. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How often connected devices are compared with the things on file. */
const SWEEP_MS = 1_000;

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
  readonly #gate: DeviceGate;
  readonly #server: Server;
  /** Every accepted connection, with its TLS handshake done or not. */
  readonly #sockets = new Set<Socket>();
  #sweep: ReturnType<typeof setInterval> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    const isOnFile = ({ thingName, certificate }: Identity) =>
      isRegistered(options.things, thingName, certificate);
    this.#gate = new DeviceGate({ isRegistered: isOnFile, log: options.log });
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
      (socket) => this.#onSocket(socket),
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { listen, log } = this.#options;
    await this.#gate.open();
    try {
      const hint = `--mqtt-listen ${toHost(listen.host)}:0 takes a free port, --no-mqtt does without`;
      await bind(this.#server, listen, hint);
    } catch (error) {
      await this.#gate.close();
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
    this.#sweep = setInterval(() => this.#gate.dropRemoved(), SWEEP_MS);
    this.#sweep.unref();
  }

  publish(notification: Notification): void {
    this.#gate.publish(notification);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#gate.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }

  #onSocket(socket: TLSSocket): void {
    const identity = this.#identify(socket);
    if (identity === undefined || this.#gate.size >= MAX_CLIENTS) {
      this.#refuse(
        socket,
        identity === undefined ? "its certificate is not registered" : "too many are connected",
      );
      return;
    }
    this.#gate.admit(new GuardedSocket(socket), identity);
  }

  #refuse(socket: TLSSocket, reason: string): void {
    this.#options.log.info("refused a device: {reason}", { reason: escapeControl(reason) });
    socket.on("error", () => {});
    socket.destroy();
  }

  #identify(socket: TLSSocket): Identity | undefined {
    const { raw, subject } = socket.getPeerCertificate();
    const thingName = subject?.CN;
    if (!socket.authorized || raw === undefined || typeof thingName !== "string") {
      return undefined;
    }
    return isRegistered(this.#options.things, thingName, raw) ? { thingName, certificate: raw } : undefined;
  }
}
