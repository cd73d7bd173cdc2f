// The eight operations of the control plane, signed and repeated where that does no harm.
//
//     using service = createControlPlane({ region: "eu-west-1" });
//     const { tunnelId, sourceAccessToken } = await service.openTunnel({ destinationConfig: { services: ["SSH"] } });

import type { Agent } from "node:https";
import { ControlPlane } from "../aws/control-plane.ts";
import { awsCredentials } from "../aws/credentials/chain.ts";
import type { CredentialSource, Keys } from "../aws/credentials/keys.ts";
import { controlPlaneUrl } from "../aws/endpoints.ts";
import { SharedSettings } from "../aws/shared-settings.ts";
import { getLogger } from "../base/log.ts";
import { loadRoots } from "../net/roots.ts";
import { RoutingAgent } from "../net/routing-agent.ts";

export type { RotatedTokens } from "../aws/control-plane.ts";
export type { CredentialSource, Keys } from "../aws/credentials/keys.ts";
export type {
  ClientMode,
  ConnectionState,
  ConnectionStatus,
  DestinationConfig,
  OpenTunnelRequest,
  OpenTunnelResponse,
  RotateTunnelAccessTokenRequest,
  Tag,
  TimeoutConfig,
  Tunnel,
  TunnelStatus,
  TunnelSummary,
} from "../aws/shapes.ts";

/** Which control plane is called, and as whom. What is absent is found where the AWS CLI finds it. */
export interface ControlPlaneOptions {
  /** Absent: AWS_REGION, AWS_DEFAULT_REGION, or the profile's. */
  readonly region?: string | undefined;
  /** Profile in the files of the AWS CLI; absent: AWS_PROFILE, else "default". */
  readonly profile?: string | undefined;
  /** URL of the control plane; absent: what variables or the profile say, else the region's own. */
  readonly endpointUrl?: string | undefined;
  /** Keys, or where they are fetched anew for each call; absent: the AWS CLI's chain of places. */
  readonly credentials?: Keys | CredentialSource | undefined;
  /** PEM certificates trusted besides those of runtime and system; absent: those of AWS_CA_BUNDLE. */
  readonly ca?: readonly string[] | undefined;
  /** Ends calls under way, and those to come. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls to the control plane; each takes 30 s at most, with all its tries. Leaving the scope of `using` closes it. Every
 * method throws ServiceError (with the exception's name and the request id), CredentialsError, ConfigError or
 * UnreachableError, and the signal's reason when it was aborted.
 */
export type ControlPlaneClient = Pick<
  ControlPlane,
  | "addTags"
  | "close"
  | "closeTunnel"
  | "describeTunnel"
  | "listTags"
  | "listTunnels"
  | "openTunnel"
  | "region"
  | "removeTags"
  | "rotateTunnelAccessToken"
> &
  Disposable;

/** A client of the control plane. Nothing is read or asked before its first call. @throws ConfigError for a CA bundle that cannot be read */
export function createControlPlane(options: ControlPlaneOptions = {}): ControlPlaneClient {
  const { env } = process;
  const signal = options.signal ?? new AbortController().signal;
  const profile = options.profile ?? (env["AWS_PROFILE"] || undefined);
  const shared = new SharedSettings({ name: profile, isExplicit: options.profile !== undefined }, env);
  const bundle = env["AWS_CA_BUNDLE"] || undefined;
  const ca = options.ca ?? loadRoots(bundle === undefined ? [] : [bundle]);
  // agent-base's own type names more than Node.js asks of an agent.
  const agent = new RoutingAgent(ca, env) as unknown as Agent;
  const region = () => options.region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || shared.region();
  const client = new ControlPlane({
    region: async () => region(),
    endpoint: (name) => endpointOf(options.endpointUrl, shared, name),
    credentials:
      sourceOf(options.credentials) ??
      awsCredentials(shared, { region, variant: () => shared.variant() }, { agent, signal }),
    agent,
    log: getLogger("control-plane"),
    signal,
  });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

function sourceOf(credentials: Keys | CredentialSource | undefined): CredentialSource | undefined {
  if (credentials === undefined || typeof credentials === "function") return credentials;
  return async () => credentials;
}

function endpointOf(given: string | undefined, shared: SharedSettings, region: string) {
  const endpoint = given ?? shared.endpointUrl("controlPlane");
  const variant = given === undefined ? shared.variant() : { fips: false, dualStack: false };
  return {
    url: new URL(controlPlaneUrl({ region, endpoint, ...variant })),
    isCustom: endpoint !== undefined,
  };
}
