// The eight operations of the service, over the AWS SDK's client. Region, endpoint and credentials are found by us and
// given to it. Imported lazily: the SDK is the largest module of the program.

import type { Agent } from "node:https";
import { Readable } from "node:stream";
import {
  CloseTunnelCommand,
  DescribeTunnelCommand,
  IoTSecureTunnelingClient,
  type IoTSecureTunnelingClientConfig,
  ListTagsForResourceCommand,
  ListTunnelsCommand,
  OpenTunnelCommand,
  type OpenTunnelRequest,
  type OpenTunnelResponse,
  RotateTunnelAccessTokenCommand,
  type RotateTunnelAccessTokenRequest,
  type RotateTunnelAccessTokenResponse,
  type Tag,
  TagResourceCommand,
  type Tunnel,
  type TunnelSummary,
  UntagResourceCommand,
} from "@aws-sdk/client-iotsecuretunneling";
import type { Logger } from "../base/log.ts";
import { limitAnswer } from "./answer-limit.ts";
import { type CallFacts, toTunnelError } from "./call-failure.ts";
import type { CredentialSource } from "./credentials/keys.ts";
import { ListProgress } from "./list-progress.ts";

/** Which control plane is called, as whom, and over which connections. */
export interface ControlPlaneOptions {
  /** The region to sign for. @throws ConfigError when nothing names one, or when there is none of that name */
  readonly region: () => Promise<string>;
  /** Where the control plane is, and whether that is somebody's own choice. @throws ConfigError */
  readonly endpoint: (region: string) => { readonly url: URL; readonly isCustom: boolean };
  readonly credentials: CredentialSource;
  /** Makes the TLS connections: trusted roots and web proxy are its business. */
  readonly agent: Agent;
  readonly log: Logger;
  /** Ends a call under way. */
  readonly signal: AbortSignal;
}

/** TCP and TLS of one try. */
const CONNECT_TIMEOUT_MS = 5_000;
/** One operation with all its tries. */
const CALL_TIMEOUT_MS = 30_000;
/** Tries of an operation that may be repeated without harm. */
const MAX_ATTEMPTS = 3;

/**
 * Calls to the control plane. Every method throws ServiceError (with the exception's name and the request id),
 * CredentialsError, ConfigError or UnreachableError, and the signal's reason when it was aborted.
 */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #closed = new AbortController();
  #region: Promise<string> | undefined;
  #clients: Clients | undefined;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
  }

  /** Region of the calls. @throws ConfigError when nothing names one, or when there is none of that name */
  region(): Promise<string> {
    this.#region ??= this.#options.region();
    return this.#region;
  }

  openTunnel(request: OpenTunnelRequest): Promise<OpenTunnelResponse> {
    const command = new OpenTunnelCommand(request);
    return this.#call("OpenTunnel", {}, ({ once }, abortSignal) => once.send(command, { abortSignal }));
  }

  rotateTunnelAccessToken(request: RotateTunnelAccessTokenRequest): Promise<RotateTunnelAccessTokenResponse> {
    const command = new RotateTunnelAccessTokenCommand(request);
    return this.#call("RotateTunnelAccessToken", request, ({ client }, abortSignal) =>
      client.send(command, { abortSignal }),
    );
  }

  async describeTunnel(tunnelId: string): Promise<Tunnel> {
    const command = new DescribeTunnelCommand({ tunnelId });
    const { tunnel } = await this.#call("DescribeTunnel", { tunnelId }, ({ client }, abortSignal) =>
      client.send(command, { abortSignal }),
    );
    return tunnel ?? {};
  }

  /** The newest tunnels first, from as many pages as it takes, `max` at most. */
  async listTunnels(filter: {
    readonly thingName?: string | undefined;
    readonly max: number;
  }): Promise<TunnelSummary[]> {
    const found: TunnelSummary[] = [];
    const progress = new ListProgress();
    let nextToken: string | undefined;
    do {
      const maxResults = Math.min(MAX_PAGE, filter.max - found.length);
      const command = new ListTunnelsCommand({ thingName: filter.thingName, maxResults, nextToken });
      const page = await this.#call("ListTunnels", {}, ({ client }, abortSignal) =>
        client.send(command, { abortSignal }),
      );
      found.push(...progress.next(page));
      nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== "" && found.length < filter.max);
    return found.slice(0, filter.max);
  }

  async closeTunnel(request: { readonly tunnelId: string; readonly delete?: boolean }): Promise<void> {
    const command = new CloseTunnelCommand(request);
    await this.#call("CloseTunnel", request, ({ client }, abortSignal) =>
      client.send(command, { abortSignal }),
    );
  }

  async listTags(resourceArn: string): Promise<Tag[]> {
    const command = new ListTagsForResourceCommand({ resourceArn });
    const { tags } = await this.#call("ListTagsForResource", { resourceArn }, ({ client }, abortSignal) =>
      client.send(command, { abortSignal }),
    );
    return tags ?? [];
  }

  async addTags(resourceArn: string, tags: readonly Tag[]): Promise<void> {
    const command = new TagResourceCommand({ resourceArn, tags: [...tags] });
    await this.#call("TagResource", { resourceArn }, ({ client }, abortSignal) =>
      client.send(command, { abortSignal }),
    );
  }

  async removeTags(resourceArn: string, tagKeys: readonly string[]): Promise<void> {
    const command = new UntagResourceCommand({ resourceArn, tagKeys: [...tagKeys] });
    await this.#call("UntagResource", { resourceArn }, ({ client }, abortSignal) =>
      client.send(command, { abortSignal }),
    );
  }

  /** Ends idle connections and calls under way, so that the process can end. */
  close(): void {
    this.#closed.abort();
    this.#clients?.client.destroy();
    this.#clients?.once.destroy();
    this.#options.agent.destroy();
  }

  async #call<T>(
    operation: string,
    subject: { readonly tunnelId?: string | undefined; readonly resourceArn?: string | undefined },
    send: (clients: Clients, signal: AbortSignal) => Promise<T>,
  ): Promise<Omit<T, "$metadata">> {
    const region = await this.region();
    this.#options.signal.throwIfAborted();
    const { url, isCustom } = this.#options.endpoint(region);
    this.#clients ??= {
      client: this.#makeClient(region, url.href, MAX_ATTEMPTS),
      once: this.#makeClient(region, url.href, 1),
    };
    // First of all and without our deadline: programs and browsers that give credentials have time limits of their own.
    await untilAborted(this.#options.credentials(), this.#options.signal);
    const deadline = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const signal = AbortSignal.any([deadline, this.#options.signal, this.#closed.signal]);
    try {
      const answer = await untilAborted(send(this.#clients, signal), signal);
      return withoutMetadata(answer);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const facts: CallFacts = {
        operation,
        subject: subject.tunnelId ?? subject.resourceArn,
        region,
        host: url.host,
        isCustomEndpoint: isCustom,
        timedOut: deadline.aborted,
      };
      throw toTunnelError(error, facts);
    }
  }

  #makeClient(region: string, endpoint: string, maxAttempts: number): IoTSecureTunnelingClient {
    const { credentials, agent, log } = this.#options;
    const client = new IoTSecureTunnelingClient({
      ...CLOSED_TO_ENVIRONMENT,
      maxAttempts,
      region,
      endpoint,
      credentials: async () => {
        const { sessionToken, expiration, ...keys } = await credentials();
        return { ...keys, ...(sessionToken && { sessionToken }), ...(expiration && { expiration }) };
      },
      requestHandler: {
        httpsAgent: agent,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: CALL_TIMEOUT_MS,
      },
      logger: {
        ...SILENT,
        warn: (text: unknown) => log.debug("{text}", { text: String(text).replace(/\s+/g, " ") }),
      },
    });
    client.middlewareStack.add(
      (next) => async (args) => {
        const output = await next(args);
        const response = output.response as { body?: unknown };
        if (response.body instanceof Readable) response.body = limitAnswer(response.body);
        return output;
      },
      // Between the connection and what reads the answer.
      { step: "deserialize", priority: "low", name: "limitAnswer" },
    );
    return client;
  }
}

interface Clients {
  readonly client: IoTSecureTunnelingClient;
  /** Without retries: a repeated OpenTunnel whose first answer was lost would leave a second, billed tunnel. */
  readonly once: IoTSecureTunnelingClient;
}

/** Entries of one page of ListTunnels at most (limit of the API). */
const MAX_PAGE = 100;

const SILENT = { trace: ignore, debug: ignore, info: ignore, error: ignore };

/** Every setting the SDK would otherwise look up in the environment and in the files of AWS. */
const CLOSED_TO_ENVIRONMENT: Partial<IoTSecureTunnelingClientConfig> = {
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
  retryMode: "standard",
  defaultsMode: "standard",
  userAgentAppId: () => Promise.resolve(undefined),
};

function ignore(): void {}

/** What a promise gives, or the signal's reason: looking for credentials heeds no signal itself. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function withoutMetadata<T>(answer: T): Omit<T, "$metadata"> {
  const { $metadata: _, ...members } = answer as T & { $metadata?: unknown };
  return members as Omit<T, "$metadata">;
}
