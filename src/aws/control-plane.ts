// The eight operations of the service. Region, endpoint and credentials are found by whoever makes the client.

import type { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "../base/abort.ts";
import type { Logger } from "../base/log.ts";
import { MemberError, readAnswer } from "./answers.ts";
import { type CallFacts, toTunnelError } from "./call-failure.ts";
import type { CredentialSource } from "./credentials/keys.ts";
import { ListProgress } from "./list-progress.ts";
import { clockSkew, type Harm, waitBeforeRepeat } from "./repeat.ts";
import { callService } from "./service-call.ts";
import type {
  ClientMode,
  OpenTunnelRequest,
  OpenTunnelResponse,
  OperationName,
  Operations,
  RotateTunnelAccessTokenRequest,
  Tag,
  Tunnel,
  TunnelSummary,
} from "./shapes.ts";

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

/** The tokens of a rotation: of each side that was rotated. */
export interface RotatedTokens<Mode extends ClientMode = ClientMode> {
  readonly tunnelArn?: string | undefined;
  readonly sourceAccessToken: TokenOf<Mode, "DESTINATION">;
  readonly destinationAccessToken: TokenOf<Mode, "SOURCE">;
}

/** Absent where only the `Other` side is rotated. */
type TokenOf<Mode extends ClientMode, Other extends ClientMode> = Mode extends Other ? undefined : string;

/** One operation with all its tries. */
const CALL_TIMEOUT_MS = 30_000;
/** Entries of one page of ListTunnels at most (limit of the API). */
const MAX_PAGE = 100;

/**
 * Calls to the control plane. Every method throws ServiceError (with the exception's name and the request id),
 * CredentialsError, ConfigError or UnreachableError, and the signal's reason when it was aborted.
 */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #closed = new AbortController();
  #region: Promise<string> | undefined;
  /** By how much the service's clock is ahead of ours, as far as that is known. */
  #skewMs = 0;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
  }

  /** Region of the calls. @throws ConfigError when nothing names one, or when there is none of that name */
  region(): Promise<string> {
    this.#region ??= this.#options.region();
    return this.#region;
  }

  /** A repeated call whose first answer was lost would leave a second, billed tunnel. */
  openTunnel(request: OpenTunnelRequest): Promise<OpenTunnelResponse> {
    return this.#call("OpenTunnel", request, { harm: "may-be-done-twice" });
  }

  async rotateTunnelAccessToken<Mode extends ClientMode>(
    request: RotateTunnelAccessTokenRequest & { readonly clientMode: Mode },
  ): Promise<RotatedTokens<Mode>> {
    const { clientMode } = request;
    const answer = await this.#call("RotateTunnelAccessToken", request, {
      subject: request.tunnelId,
      check: ({ sourceAccessToken, destinationAccessToken }) => {
        if (clientMode !== "DESTINATION" && sourceAccessToken === undefined) {
          throw new MemberError("sourceAccessToken", true);
        }
        if (clientMode !== "SOURCE" && destinationAccessToken === undefined) {
          throw new MemberError("destinationAccessToken", true);
        }
      },
    });
    return answer as RotatedTokens<Mode>;
  }

  async describeTunnel(tunnelId: string): Promise<Tunnel> {
    const { tunnel } = await this.#call("DescribeTunnel", { tunnelId }, { subject: tunnelId });
    return tunnel;
  }

  /** The newest tunnels first, from as many pages as it takes, `max` at most. */
  async listTunnels(filter: {
    readonly thingName?: string | undefined;
    readonly max: number;
  }): Promise<TunnelSummary[]> {
    const found: TunnelSummary[] = [];
    const progress = new ListProgress();
    const { thingName, max } = filter;
    let nextToken: string | undefined;
    do {
      const maxResults = Math.min(MAX_PAGE, max - found.length);
      const page = await this.#call("ListTunnels", { thingName, maxResults, nextToken });
      found.push(...progress.next(page));
      nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== "" && found.length < max);
    return found.slice(0, max);
  }

  async closeTunnel(request: { readonly tunnelId: string; readonly delete?: boolean }): Promise<void> {
    await this.#call("CloseTunnel", request, { subject: request.tunnelId });
  }

  async listTags(resourceArn: string): Promise<readonly Tag[]> {
    const { tags } = await this.#call("ListTagsForResource", { resourceArn }, { subject: resourceArn });
    return tags ?? [];
  }

  async addTags(resourceArn: string, tags: readonly Tag[]): Promise<void> {
    await this.#call("TagResource", { resourceArn, tags }, { subject: resourceArn });
  }

  async removeTags(resourceArn: string, tagKeys: readonly string[]): Promise<void> {
    await this.#call("UntagResource", { resourceArn, tagKeys }, { subject: resourceArn });
  }

  /** Ends idle connections and calls under way, so that the process can end. */
  close(): void {
    this.#closed.abort();
    this.#options.agent.destroy();
  }

  async #call<Name extends OperationName>(
    operation: Name,
    request: Operations[Name]["request"],
    { subject, harm = "none", check }: CallOptions<Name> = {},
  ): Promise<Operations[Name]["response"]> {
    const { signal: stop, credentials, endpoint, agent } = this.#options;
    const region = await this.region();
    stop.throwIfAborted();
    const { url, isCustom } = endpoint(region);
    // First of all and without our deadline: programs and browsers that give credentials have time limits of their own.
    const keys = await untilAborted(stop, credentials());
    const deadline = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const signal = AbortSignal.any([deadline, stop, this.#closed.signal]);
    try {
      const send = () => {
        const now = new Date(Date.now() + this.#skewMs);
        return callService(operation, request, { url, region, keys, now }, { agent, signal });
      };
      const body = await untilAborted(signal, this.#repeat(operation, send, harm, signal));
      const answer = readAnswer(operation, body);
      check?.(answer);
      return answer;
    } catch (error) {
      stop.throwIfAborted();
      const timedOut = deadline.aborted;
      const facts: CallFacts = {
        operation,
        subject,
        region,
        host: url.host,
        isCustomEndpoint: isCustom,
        timedOut,
      };
      throw toTunnelError(error, facts);
    }
  }

  /** Sends until there is an answer or the last word; a clock that is wrong is corrected once. */
  async #repeat<T>(operation: string, send: () => Promise<T>, harm: Harm, signal: AbortSignal): Promise<T> {
    let isClockCorrected = false;
    for (let tries = 1; ; tries += 1) {
      const sentAt = Date.now();
      try {
        return await send();
      } catch (error) {
        signal.throwIfAborted();
        const skew = isClockCorrected ? undefined : clockSkew(error, sentAt + this.#skewMs);
        if (skew !== undefined) {
          isClockCorrected = true;
          this.#skewMs += skew;
          continue;
        }
        const waitMs = waitBeforeRepeat(error, harm, tries, Math.random());
        if (waitMs === undefined) throw error;
        const why = error instanceof Error ? error.name : "";
        this.#options.log.debug("{operation} is sent again ({why})", { operation, why });
        await sleep(waitMs, undefined, { signal });
      }
    }
  }
}

interface CallOptions<Name extends OperationName> {
  /** Tunnel id or ARN, for messages. */
  readonly subject?: string;
  readonly harm?: Harm;
  /** Looks at what depends on the request. @throws MemberError */
  readonly check?: (answer: Operations[Name]["response"]) => void;
}
