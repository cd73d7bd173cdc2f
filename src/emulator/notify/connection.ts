// One device's connection: MQTT 3.1 and 3.1.1, as far as a device that may only listen has a use for it.
import { randomUUID } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { escapeControl } from "../../base/escape.ts";
import { type ClientPacket, type ConnectPacket, readClientPacket } from "./client-packet.ts";
import { isOwnTopic, type Notification } from "./notify-message.ts";
import { PacketReader } from "./packet-reader.ts";
import {
  ConnectCode,
  connack,
  pingResponse,
  publish,
  REFUSED,
  refuseVersion,
  release,
  suback,
  unsuback,
} from "./server-packet.ts";
import type { Pending, Session, Sessions } from "./sessions.ts";

/** AWS IoT takes 128 KiB of payload; topic and packet identifier come on top. */
const MAX_PACKET_BYTES = 131_072 + 1_024;
/** A notification has about 600 bytes: a device that has not read more than a thousand of them does not read at all. */
const MAX_UNSENT_BYTES = 1_048_576;
/** Answers that wait for a device which does not read them: from here on it is not read either. */
const FULL_BYTES = 65_536;
/** Packets within a second; a device sends a handful in its life. */
const MAX_PACKETS_A_SECOND = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** So long may the last words to a client, such as a refusal, take. */
const FAREWELL_MS = 1_000;
/** Characters, as in AWS IoT Core. */
const MAX_CLIENT_ID_LENGTH = 128;
/** UTF-8 bytes of a topic in AWS IoT Core, with room for the reserved prefix, which it does not count. */
const MAX_FILTER_BYTES = 512;
/** Seconds; AWS IoT Core takes this for a longer time and for none. */
const MAX_KEEP_ALIVE = 1_200;
/** AWS IoT Core has no QoS 2. */
const MAX_QOS = 1;

/** Whose connection it is. */
export interface Device {
  readonly thingName: string;
  /** SHA-256 of its certificate, in hexadecimal. */
  readonly fingerprint: string;
}

/** What a connection tells its broker. */
export interface ConnectionHandlers {
  /** It has a session: a former connection of that session is over. */
  onConnect(connection: Connection): void;
  /** For the log, at most a few a connection. */
  onRefusal(reason: string): void;
  /** It is gone; `reason` where it broke a rule. */
  onClose(connection: Connection, reason: string | undefined): void;
}

export class Connection {
  readonly device: Device;
  readonly #socket: TLSSocket;
  readonly #sessions: Sessions;
  readonly #handlers: ConnectionHandlers;
  readonly #reader = new PacketReader(MAX_PACKET_BYTES);
  #session: Session | undefined;
  #timer: ReturnType<typeof setTimeout>;
  #isOver = false;
  #reason: string | undefined;
  #second = 0;
  #packets = 0;
  #refusals = 0;

  constructor(socket: TLSSocket, device: Device, sessions: Sessions, handlers: ConnectionHandlers) {
    this.device = device;
    this.#socket = socket;
    this.#sessions = sessions;
    this.#handlers = handlers;
    this.#timer = setTimeout(() => this.end("it sent no CONNECT in time"), CONNECT_TIMEOUT_MS);
    socket.on("data", (chunk: Buffer) => this.#onBytes(chunk));
    socket.on("drain", () => socket.resume());
    socket.on("error", (error) => {
      this.#reason ??= error.message;
    });
    socket.once("close", () => this.#onClose());
  }

  /** The session, once it has sent CONNECT. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Sends a message to a connected device; one with QoS 1 waits in its session meanwhile. */
  deliver(message: Notification, pending: Pending | undefined): void {
    if (this.#isOver || this.#session === undefined) return;
    if (pending !== undefined) pending.packetId = this.#session.nextPacketId();
    const { packetId, isAgain = false } = pending ?? {};
    this.#send(publish(message, packetId === undefined ? undefined : { packetId, isAgain }));
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.end("it does not read what it is sent");
  }

  /** Ends it, after what was already said to it. `reason`: what is logged. */
  end(reason?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason ??= reason;
    clearTimeout(this.#timer);
    this.#leave();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }

  /** Ends it at once; its session is away from now on. `reason`: what is logged. */
  drop(reason: string): void {
    if (!this.#isOver) this.#leave();
    this.#reason ??= reason;
    this.abandon();
  }

  /** Ends it at once, without a word about its session: that is somebody else's already. */
  abandon(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #onBytes(chunk: Uint8Array): void {
    try {
      for (const packet of this.#reader.push(chunk)) {
        if (this.#isOver) return;
        this.#count();
        this.#onPacket(readClientPacket(packet));
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.end(`it sent ${error.message}`);
    }
  }

  #count(): void {
    const second = Math.floor(performance.now() / 1_000);
    this.#packets = second === this.#second ? this.#packets + 1 : 1;
    this.#second = second;
    if (this.#packets > MAX_PACKETS_A_SECOND) {
      throw new TypeError(`more than ${MAX_PACKETS_A_SECOND} packets within a second`);
    }
  }

  #onPacket(packet: ClientPacket): void {
    const session = this.#session;
    if (packet.type === "unknown-version") {
      this.#send(refuseVersion(packet.level));
      return this.end(`it speaks MQTT with protocol level ${packet.level}`);
    }
    if (packet.type === "connect") {
      if (session !== undefined) throw new TypeError("a second CONNECT");
      return this.#onConnect(packet);
    }
    if (session === undefined) throw new TypeError("another packet before CONNECT");
    this.#timer.refresh();
    this.#onSessionPacket(session, packet);
  }

  #onSessionPacket(
    session: Session,
    packet: Exclude<ClientPacket, { type: "connect" | "unknown-version" }>,
  ): void {
    switch (packet.type) {
      case "publish":
        return this.end("it may not publish, and did");
      case "acknowledge":
        return this.#onAcknowledge(session, packet);
      case "subscribe":
        return this.#send(
          suback(
            packet.packetId,
            packet.filters.map(({ filter, qos }) => this.#subscribe(session, filter, qos)),
          ),
        );
      case "unsubscribe":
        for (const filter of packet.filters) this.#sessions.unsubscribe(session, filter);
        return this.#send(unsuback(packet.packetId));
      case "ping":
        return this.#send(pingResponse());
      case "disconnect":
        return this.end();
    }
  }

  #onConnect(packet: ConnectPacket): void {
    const { level, isClean, clientId } = packet;
    // MQTT 3.1.1 lets a client without an id have a clean session; 3.1 does not.
    const isIdentified = clientId !== "" || (level === 4 && isClean);
    if (!isIdentified || clientId.length > MAX_CLIENT_ID_LENGTH) {
      this.#send(connack(ConnectCode.BadClientId));
      return this.end("its client id is missing or too long");
    }
    clearTimeout(this.#timer);
    const keepAlive = Math.min(packet.keepAlive || MAX_KEEP_ALIVE, MAX_KEEP_ALIVE);
    this.#timer = setTimeout(() => this.end("it was silent"), keepAlive * 1_500);
    const id = { ...this.device, clientId: clientId || randomUUID() };
    const { session, isPresent } = this.#sessions.open(id, { isClean, now: Date.now() });
    this.#session = session;
    this.#handlers.onConnect(this);
    // MQTT 3.1 has no such flag.
    this.#send(connack(ConnectCode.Accepted, isPresent && level === 4));
    for (const pending of session.pending) this.deliver(pending, pending);
  }

  #subscribe(session: Session, filter: string, qos: number): number {
    const granted = Math.min(qos, MAX_QOS);
    if (!isOwnTopic(filter, this.device.thingName) || Buffer.byteLength(filter) > MAX_FILTER_BYTES) {
      this.#logRefusal(`it may not subscribe to ${filter}`);
      return REFUSED;
    }
    if (this.#sessions.subscribe(session, filter, granted)) return granted;
    this.#logRefusal("it has too many subscriptions");
    return REFUSED;
  }

  /** Only QoS 1 is sent, so that it ends with PUBACK; the rest of a delivery with QoS 2 is of a former broker. */
  #onAcknowledge(session: Session, { what, packetId }: Extract<ClientPacket, { type: "acknowledge" }>): void {
    if (what === "puback") return this.#sessions.acknowledge(session, packetId);
    if (session.pending.some((message) => message.packetId === packetId)) {
      throw new TypeError(`${what.toUpperCase()} for a message of QoS 1`);
    }
    if (what === "pubrec") this.#send(release("pubrel", packetId));
    if (what === "pubrel") this.#send(release("pubcomp", packetId));
  }

  #send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
    if (this.#socket.writableLength > FULL_BYTES) this.#socket.pause();
  }

  /** A flood of refusals fills no log. */
  #logRefusal(reason: string): void {
    this.#refusals += 1;
    if (this.#refusals <= 10) this.#handlers.onRefusal(escapeControl(reason, 200));
  }

  #leave(): void {
    const session = this.#session;
    if (session !== undefined) this.#sessions.leave(session, Date.now());
  }

  #onClose(): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#leave();
    this.#isOver = true;
    this.#handlers.onClose(this, this.#reason);
  }
}
