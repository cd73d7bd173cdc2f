import { addAbortListener } from "node:events";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { MqttClient } from "mqtt";
import { TunnelError, UnreachableError } from "../base/errors.ts";
import { backoffMs } from "../engine/backoff.ts";
import { Limit } from "../net/limit.ts";

/** A subscription that lived shorter counts as a failed attempt: a broker that throws us out is not asked in a loop. */
const STABLE_MS = 10_000;
/** How long the broker may take to answer CONNECT, and then SUBSCRIBE. */
const ANSWER_TIMEOUT_MS = 15_000;
/** How long an orderly goodbye may take. */
const END_TIMEOUT_MS = 1_000;

/** What to subscribe to, over which stream, and who is told. */
export interface SubscriptionOptions {
  readonly topic: string;
  readonly clientId: string;
  readonly keepaliveS: number;
  /** Opens the stream that MQTT runs on; asked anew for each attempt. */
  readonly open: (signal: AbortSignal) => Promise<Duplex>;
  /** How long that may take, in milliseconds. */
  readonly openLimitMs: number;
  readonly onSubscribed: () => void;
  readonly onMessage: (payload: Uint8Array) => void;
  readonly onLost: (error: TunnelError, retryInMs: number) => void;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/**
 * Stays subscribed to one topic with QoS 1 until the signal ends it, through any number of connections. The broker keeps
 * the session between them (AWS IoT for an hour), so what was published in between comes with the next one.
 */
export async function keepSubscribed(options: SubscriptionOptions): Promise<void> {
  const { signal, onLost, random } = options;
  let failures = 0;
  while (!signal.aborted) {
    const attempt = new Attempt(options);
    const error = await attempt.run();
    if (signal.aborted) return;
    if (attempt.subscribedMs >= STABLE_MS) failures = 0;
    const retryInMs = backoffMs(failures++, random());
    onLost(error, retryInMs);
    await sleep(retryInMs, undefined, { signal }).catch(() => undefined);
  }
}

/** One connection to the broker, from its opening to its end. */
class Attempt {
  readonly #options: SubscriptionOptions;
  readonly #over = Promise.withResolvers<TunnelError>();
  #subscribedAt: number | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  get subscribedMs(): number {
    return this.#subscribedAt === undefined ? 0 : performance.now() - this.#subscribedAt;
  }

  /** Resolves when it is over, with the reason; never rejects. */
  async run(): Promise<TunnelError> {
    const { signal } = this.#options;
    using _ = addAbortListener(signal, () => this.#over.resolve(new UnreachableError("stopped")));
    let client: MqttClient | undefined;
    try {
      client = this.#connect(await this.#open());
      return await this.#over.promise;
    } catch (error) {
      // Whatever it is, a device that gives up cannot be reached any more to repair it.
      return error instanceof TunnelError ? error : new UnreachableError(String(error), { cause: error });
    } finally {
      if (client !== undefined) await end(client, signal.aborted);
    }
  }

  /** The stream to the broker. One that comes after a stop, or too late, is closed. */
  async #open(): Promise<Duplex> {
    const { signal, openLimitMs } = this.#options;
    const late = () =>
      new UnreachableError(`no way to the broker was found in ${openLimitMs / 1_000} s`, {
        hint: CREDENTIALS_HINT,
      });
    using limit = new Limit(signal, openLimitMs, late);
    const opening = this.#options.open(limit.signal);
    try {
      return await limit.race(opening);
    } catch (error) {
      opening.then(
        (stream) => stream.destroy(),
        () => {},
      );
      throw error;
    }
  }

  #connect(stream: Duplex): MqttClient {
    const { clientId, keepaliveS, topic, onMessage } = this.#options;
    const client = new MqttClient(() => stream, {
      clientId,
      // The session, and what is published meanwhile, waits at the broker for this client id.
      clean: false,
      protocolVersion: 4,
      keepalive: keepaliveS,
      // The next connection is made by keepSubscribed, with new credentials and a jittered delay.
      reconnectPeriod: 0,
      connectTimeout: ANSWER_TIMEOUT_MS,
      resubscribe: false,
    });
    client.on("error", (error) => this.#over.resolve(connectFailure(error, clientId)));
    client.on("close", () => this.#over.resolve(this.#closed()));
    client.on("connect", () => void this.#subscribe(client).catch((error) => this.#over.resolve(error)));
    client.on("message", (from, payload) => {
      if (from === topic) onMessage(payload);
    });
    return client;
  }

  async #subscribe(client: MqttClient): Promise<void> {
    const { topic, onSubscribed } = this.#options;
    const refused = () =>
      new UnreachableError(`the broker refused the subscription to ${topic}`, POLICY(topic));
    const granted = await within(ANSWER_TIMEOUT_MS, client.subscribeAsync(topic, { qos: 1 })).catch(
      (cause) => {
        throw cause instanceof TunnelError ? cause : refused();
      },
    );
    if (granted.some(({ qos }) => qos > 2)) throw refused();
    this.#subscribedAt = performance.now();
    onSubscribed();
  }

  /** AWS IoT answers a subscription its policy denies by closing the connection. */
  #closed(): TunnelError {
    const { clientId } = this.#options;
    if (this.#subscribedAt !== undefined) {
      // Of two clients with one id a broker drops the older one, whenever the other comes back.
      const isEarly = this.subscribedMs < STABLE_MS;
      return new UnreachableError(
        isEarly
          ? "the broker dropped the connection just after the subscription"
          : "the connection to the broker was lost",
        {
          hint: isEarly
            ? `is another client using client id ${clientId}? give each one of its own: --client-id`
            : undefined,
        },
      );
    }
    return new UnreachableError(
      "the broker closed the connection before it accepted the subscription",
      POLICY(this.#options.topic),
    );
  }
}

const CREDENTIALS_HINT =
  "do the AWS credentials come? a credential_process may hang; --cert and --key need none";

function POLICY(topic: string) {
  return {
    hint: `the device's policy must allow iot:Connect for the client id, iot:Subscribe on topicfilter/${topic} and iot:Receive on topic/${topic}`,
  };
}

function connectFailure(error: Error, clientId: string): TunnelError {
  if (error instanceof TunnelError) return error;
  // CONNACK with a return code: the broker knows who asks, and says no.
  const isRefusal = "code" in error && typeof error.code === "number";
  return new UnreachableError(
    isRefusal
      ? `the broker refused the connection: ${error.message}`
      : `connection to the broker: ${error.message}`,
    {
      cause: error,
      hint: isRefusal ? `the device's policy must allow iot:Connect for client id ${clientId}` : undefined,
    },
  );
}

async function end(client: MqttClient, isOrderly: boolean): Promise<void> {
  if (isOrderly) await within(END_TIMEOUT_MS, client.endAsync()).catch(() => undefined);
  else client.end(true);
  client.stream.destroy();
}

/** `promise`, or UnreachableError after `timeoutMs`. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const late = () => new UnreachableError(`the broker did not answer in ${timeoutMs / 1_000} s`);
  using limit = new Limit(undefined, timeoutMs, late);
  return await limit.race(promise);
}
