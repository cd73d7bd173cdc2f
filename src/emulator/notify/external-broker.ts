import { isIP } from "node:net";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { escapeControl } from "../../base/escape.ts";
import type { Logger } from "../../base/log.ts";
import type { Password } from "../../base/secret.ts";
import type { Identity } from "../certificates/authority.ts";
import type { Notifier } from "./notifier.ts";
import type { Notification } from "./notify-message.ts";

/** A broker that somebody else runs, and how to be let in. */
export interface BrokerAddress {
  /** TLS; without it, loopback only. */
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: Password | undefined;
  /** PEM certificates that the broker's is verified with. */
  readonly roots?: readonly string[] | undefined;
  /** What this client shows of itself. */
  readonly identity?: Identity | undefined;
}

/** Notifications kept while the broker is away: a minute of one tunnel opened every 60 ms. */
const MAX_WAITING = 1_000;
/** Later than this, whoever opened the tunnel has given up; a rotation sends another notification. */
const MAX_WAIT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_SECONDS = 30;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
/** So long does a stop wait for what is on its way. */
const FAREWELL_MS = 1_000;

interface Waiting {
  readonly notification: Notification;
  readonly until: number;
}

/**
 * A client of another broker. It connects at once and again for ever, each time after a longer pause of random length,
 * and sends every notification until the broker acknowledges it, for a minute at most: so one may arrive twice.
 */
export class ExternalBroker implements Notifier {
  readonly #options: IClientOptions;
  readonly #name: string;
  readonly #log: Logger;
  readonly #waiting = new Set<Waiting>();
  #client: MqttClient | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(broker: BrokerAddress, log: Logger) {
    this.#options = clientOptionsOf(broker);
    this.#name = `${broker.host}:${broker.port}`;
    this.#log = log;
    this.#connect();
  }

  publish(notification: Notification): void {
    this.#dropLate();
    const oldest = this.#waiting.values().next().value;
    if (oldest !== undefined && this.#waiting.size >= MAX_WAITING) this.#giveUp(oldest, "too many wait");
    const waiting = { notification, until: Date.now() + MAX_WAIT_MS };
    this.#waiting.add(waiting);
    if (this.#client?.connected) this.#send(this.#client, waiting);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    if (client === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FAREWELL_MS);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      // It waits for the broker's acknowledgements, which a broker that is away never sends.
      client.end(!client.connected, {}, end);
    });
    client.end(true);
  }

  #connect(): void {
    const client = connect(this.#options);
    this.#client = client;
    let reason = "the connection was closed";
    client.on("connect", () => {
      this.#failures = 0;
      this.#log.info("connected to broker {broker}", { broker: this.#name });
      this.#dropLate();
      for (const waiting of this.#waiting) this.#send(client, waiting);
    });
    client.on("error", (error) => {
      reason = error.message;
    });
    client.on("close", () => {
      client.end(true);
      this.#retryLater(reason);
    });
  }

  #retryLater(reason: string): void {
    if (this.#isClosed || this.#retry !== undefined) return;
    const pause = Math.random() * Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    const facts = { broker: this.#name, reason: escapeControl(reason) };
    if (this.#failures === 0) {
      this.#log.warn("lost broker {broker}, trying on: {reason}", facts);
    } else {
      this.#log.debug("cannot reach broker {broker}: {reason}", facts);
    }
    this.#failures += 1;
    this.#dropLate();
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connect();
    }, pause);
    this.#retry.unref();
  }

  #send(client: MqttClient, waiting: Waiting): void {
    const { topic, payload } = waiting.notification;
    client.publish(topic, payload, { qos: 1, retain: false }, (error) => {
      // A failure means that the connection is lost: it is sent again on the next one.
      if (!error) this.#waiting.delete(waiting);
    });
  }

  #dropLate(): void {
    const now = Date.now();
    for (const waiting of this.#waiting) {
      if (waiting.until <= now) this.#giveUp(waiting, `broker ${this.#name} was away for too long`);
    }
  }

  #giveUp(waiting: Waiting, reason: string): void {
    this.#waiting.delete(waiting);
    const { topic } = waiting.notification;
    this.#log.warn("a notification on {topic} was lost: {reason}", { topic, reason });
  }
}

/** Members one by one: from a URL the library makes a deprecation warning in a compiled program. */
function clientOptionsOf(broker: BrokerAddress): IClientOptions {
  const { isSecure, host, port, username, password, roots, identity } = broker;
  return {
    protocol: isSecure ? "mqtts" : "mqtt",
    host,
    port,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepalive: KEEPALIVE_SECONDS,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(roots === undefined ? {} : { ca: [...roots] }),
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.privateKey }),
    ...(isSecure && isIP(host) === 0 ? { servername: host } : {}),
  };
}
