// The eight operations of the service, over the AWS SDK's client and its credential chain. Imported lazily: the SDK
// is the largest module of the program.

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
import { ConfigError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { limitAnswer } from "./answer-limit.ts";
import { type CallFacts, toTunnelError } from "./call-failure.ts";
import { ListProgress } from "./list-progress.ts";

/** Which control plane is called, as whom, and over which connections. */
export interface ControlPlaneOptions {
  /** Absent: from the shared AWS configuration. */
  readonly region?: string | undefined;
  /** Absent: the region's own, with FIPS and dual-stack as the AWS variables say. */
  readonly endpoint?: string | undefined;
  /** Name of the credentials profile in use, for messages. */
  readonly profile?: string | undefined;
  /** Makes the TLS connections: trusted roots and web proxy are its business. */
  readonly agent: Agent;
  /** Dummy credentials. With them, no AWS variable and no file of AWS is read; region and endpoint are required. */
  readonly dummyCredentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly log: Logger;
  /** Ends a call under way. */
  readonly signal: AbortSignal;
}

/** TCP and TLS of one try. */
const CONNECT_TIMEOUT_MS = 5_000;
/** One operation with its credentials and all its tries: SSO and instance credentials need seconds of their own. */
const CALL_TIMEOUT_MS = 30_000;
/** Tries of an operation that may be repeated without harm. */
const MAX_ATTEMPTS = 3;

/**
 * Calls to the control plane. Every method throws ServiceError (with the exception's name and the request id),
 * CredentialsError, ConfigError or UnreachableError, and the signal's reason when it was aborted.
 */
export class ControlPlane {
  readonly #client: IoTSecureTunnelingClient;
  /** Without retries: a repeated OpenTunnel whose first answer was lost would leave a second, billed tunnel. */
  readonly #once: IoTSecureTunnelingClient;
  readonly #options: ControlPlaneOptions;
  readonly #closed = new AbortController();
  #host: string | undefined;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#client = this.#makeClient(MAX_ATTEMPTS);
    this.#once = this.#makeClient(1);
  }

  /** Region of the calls. Throws ConfigError when nothing names one. */
  async region(): Promise<string> {
    try {
      return await this.#client.config.region();
    } catch (cause) {
      throw new ConfigError("no region given", { hint: "add --region eu-west-1, or set AWS_REGION", cause });
    }
  }

  openTunnel(request: OpenTunnelRequest): Promise<OpenTunnelResponse> {
    const command = new OpenTunnelCommand(request);
    return this.#call("OpenTunnel", {}, (abortSignal) => this.#once.send(command, { abortSignal }));
  }

  rotateTunnelAccessToken(request: RotateTunnelAccessTokenRequest): Promise<RotateTunnelAccessTokenResponse> {
    const command = new RotateTunnelAccessTokenCommand(request);
    return this.#call("RotateTunnelAccessToken", request, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
  }

  async describeTunnel(tunnelId: string): Promise<Tunnel> {
    const command = new DescribeTunnelCommand({ tunnelId });
    const { tunnel } = await this.#call("DescribeTunnel", { tunnelId }, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
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
      const page = await this.#call("ListTunnels", {}, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      found.push(...progress.next(page));
      nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== "" && found.length < filter.max);
    return found.slice(0, filter.max);
  }

  async closeTunnel(request: { readonly tunnelId: string; readonly delete?: boolean }): Promise<void> {
    const command = new CloseTunnelCommand(request);
    await this.#call("CloseTunnel", request, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  async listTags(resourceArn: string): Promise<Tag[]> {
    const command = new ListTagsForResourceCommand({ resourceArn });
    const { tags } = await this.#call("ListTagsForResource", { resourceArn }, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return tags ?? [];
  }

  async addTags(resourceArn: string, tags: readonly Tag[]): Promise<void> {
    const command = new TagResourceCommand({ resourceArn, tags: [...tags] });
    await this.#call("TagResource", { resourceArn }, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
  }

  async removeTags(resourceArn: string, tagKeys: readonly string[]): Promise<void> {
    const command = new UntagResourceCommand({ resourceArn, tagKeys: [...tagKeys] });
    await this.#call("UntagResource", { resourceArn }, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
  }

  /** Ends idle connections and calls under way, so that the process can end. */
  close(): void {
    this.#closed.abort();
    this.#client.destroy();
    this.#once.destroy();
    this.#options.agent.destroy();
  }

  async #call<T>(
    operation: string,
    subject: { readonly tunnelId?: string | undefined; readonly resourceArn?: string | undefined },
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<Omit<T, "$metadata">> {
    const region = await this.region();
    this.#options.signal.throwIfAborted();
    const deadline = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const signal = AbortSignal.any([deadline, this.#options.signal, this.#closed.signal]);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      // Looking for credentials does not heed the SDK's own abort signal, hence the race.
      const answer = await Promise.race([send(signal), aborted.promise]);
      return withoutMetadata(answer);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const facts: CallFacts = {
        operation,
        subject: subject.tunnelId ?? subject.resourceArn,
        region,
        host: this.#host ?? this.#options.endpoint,
        profile: this.#options.profile,
        isCustomEndpoint: this.#options.endpoint !== undefined,
        timedOut: deadline.aborted,
      };
      throw toTunnelError(error, facts);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #makeClient(maxAttempts: number): IoTSecureTunnelingClient {
    const { region, endpoint, dummyCredentials, agent, log } = this.#options;
    const client = new IoTSecureTunnelingClient({
      maxAttempts,
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(dummyCredentials === undefined ? {} : { ...CLOSED_TO_ENVIRONMENT, credentials: dummyCredentials }),
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
      (next) => (args) => {
        this.#host = hostOf(args.request) ?? this.#host;
        return next(args);
      },
      { step: "build", name: "rememberHost" },
    );
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

function withoutMetadata<T>(answer: T): Omit<T, "$metadata"> {
  const { $metadata: _, ...members } = answer as T & { $metadata?: unknown };
  return members as Omit<T, "$metadata">;
}

function hostOf(request: unknown): string | undefined {
  const { hostname, port } = request as { hostname?: string; port?: number };
  return hostname === undefined ? undefined : `${hostname}${port === undefined ? "" : `:${port}`}`;
}
