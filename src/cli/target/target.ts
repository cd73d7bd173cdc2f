// Which service a command talks to: AWS, another endpoint, or the serve-local of this machine. Decided once, so that
// dummy credentials never leave for AWS and real ones are never read under --local.

import type { Agent } from "node:https";
import { delimiter } from "node:path";
import type { CredentialSource } from "../../aws/credentials/keys.ts";
import { type AwsService, controlPlaneUrl, hostOf, USUAL, type Variant } from "../../aws/endpoints.ts";
import { ignoresEndpointUrls, SharedSettings } from "../../aws/shared-settings.ts";
import type { Env } from "../../base/env.ts";
import { UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import { loadRoots } from "../../net/roots.ts";
import { RoutingAgent } from "../../net/routing-agent.ts";
import type { Issuer } from "../../operator/saved-token.ts";
import type { DataPlane } from "../../proxy/options.ts";
import type { Settings } from "../config/layers.ts";
import { defaultStateDir, type LocalEndpoint, readLocalEndpoint } from "../config/local.ts";
import type { HostPort } from "../config/values.ts";
import type { CommandContext } from "../words/command.ts";

/** Everything that follows from region, endpoints, profile and --local. */
export interface Target {
  readonly local: LocalEndpoint | undefined;
  /** Absent: the files of the AWS CLI may know one, see regionOf. */
  readonly region: string | undefined;
  /** Control plane; absent: the profile's or the region's own, see controlPlaneOf. */
  readonly endpointUrl: string | undefined;
  /** Data plane; absent: the region's own. */
  readonly dataPlane: HostPort | undefined;
  /** PEM certificates trusted besides the system's. */
  readonly ca: readonly string[];
  /** What variables and files of the AWS CLI say; absent under --local. */
  readonly shared: SharedSettings | undefined;
  /** Whose tokens these are, in the token store. */
  readonly issuer: Issuer;
}

/** Reads the settings, says on stderr if the service is local, and throws UsageError or ConfigError. */
export function resolveTarget({ settings, env, output }: CommandContext): Target {
  const choice = settings.get("local");
  if (choice === undefined) return remoteTarget(settings, env);
  refuseWithLocal(settings);
  const local = readLocalEndpoint(choice.stateDir ?? defaultStateDir(env), env);
  const region = settings.fromFlag("region");
  if (region !== undefined && region !== local.region) {
    throw new UsageError(
      `--region ${region} is not that of the serve-local on "${local.stateDir}": ${local.region}`,
      `leave --region out, or start one with: ${shellLine`tunnel serve-local --region ${region} --state-dir DIR`}`,
    );
  }
  output.announce(`local: ${local.controlPlane.origin} (${local.stateDir})`);
  const ca = settings.fromFlag("ca");
  return {
    local,
    region: local.region,
    endpointUrl: local.controlPlane.href,
    dataPlane: settings.fromFlag("proxyEndpoint") ?? local.dataPlane,
    ca: loadRoots([local.ca, ...(ca === undefined ? [] : [ca])]),
    shared: undefined,
    issuer: { type: "local", stateDir: local.stateDir },
  };
}

function remoteTarget(settings: Settings, env: Env): Target {
  const isIgnored = settings.origin("endpointUrl").type === "env" && ignoresEndpointUrls(env);
  const endpointUrl = isIgnored ? undefined : settings.get("endpointUrl")?.href;
  const isExplicit = settings.origin("profile").type === "flag";
  return {
    local: undefined,
    region: settings.get("region"),
    endpointUrl,
    dataPlane: settings.get("proxyEndpoint"),
    ca: loadRoots(caPaths(settings, env)),
    shared: new SharedSettings({ name: settings.get("profile"), isExplicit }, env),
    issuer: { type: "remote", endpointUrl },
  };
}

function refuseWithLocal(settings: Settings): void {
  const origin = settings.origin("local");
  const name = origin.type === "default" ? "--local" : origin.name;
  for (const key of ["profile", "endpointUrl"] as const) {
    const other = settings.origin(key);
    if (other.type === "flag") {
      const hint =
        origin.type === "env" || origin.type === "file"
          ? `${origin.type === "env" ? `unset ${name}` : "choose another --context"}, or leave ${other.name} out`
          : `leave out ${name} or ${other.name}`;
      throw new UsageError(
        `${other.name} cannot be used with ${name}: the service of this machine has neither`,
        hint,
      );
    }
  }
}

/**
 * Paths of the roots to trust besides the system's. Of the OpenSSL variables file and directory complement each other;
 * SSL_CERT_DIR may list several.
 */
export function caPaths(settings: Settings, env: Env): string[] {
  const path = settings.get("ca");
  const origin = settings.origin("ca");
  if (path === undefined || (origin.type === "env" && origin.name.startsWith("SSL_"))) {
    const directories = (env["SSL_CERT_DIR"] ?? "").split(delimiter);
    return [env["SSL_CERT_FILE"] ?? "", ...directories].filter((each) => each !== "");
  }
  return [path];
}

/**
 * The region of the target: as given, else the profile's. One that AWS itself would have to know is checked.
 * @throws ConfigError when nothing names one, or when it does not exist
 */
export async function regionOf(target: Target, env: Env): Promise<string> {
  const region = withoutFips(target.region ?? target.shared?.region() ?? "");
  const { isCustom, url } = controlPlaneOf(target, region);
  if (!isCustom) await checkHost(region, url.hostname, env);
  return region;
}

/** Where the control plane is; `isCustom` when it is not the region's own. @throws ConfigError */
export function controlPlaneOf(
  target: Target,
  region: string | undefined,
): { readonly url: URL; readonly isCustom: boolean } {
  const endpoint = target.endpointUrl ?? target.shared?.endpointUrl("controlPlane");
  const url = controlPlaneUrl({ region, endpoint, ...variantOf(target) });
  return { url: new URL(url), isCustom: endpoint !== undefined };
}

/** The kind of AWS hosts that is wanted. A region such as fips-us-east-1 asks for FIPS too, as with the AWS CLI. */
function variantOf({ region, shared }: Target): Variant {
  if (shared === undefined) return USUAL;
  const variant = shared.variant();
  const written = region ?? shared.section.get("region") ?? "";
  return { ...variant, fips: variant.fips || withoutFips(written) !== written };
}

/** Where another service of AWS is for this target. @throws ConfigError */
export function awsUrl(target: Target, service: Exclude<AwsService, "dataPlane">, region: string): URL {
  const variant = variantOf(target);
  return (
    target.shared?.urlOf(service, region, variant) ?? new URL(`https://${hostOf(service, region, variant)}`)
  );
}

/** Connections of HTTPS requests to the target's services; whoever makes it destroys it. */
export function agentFor({ local, ca }: Target, env: Env): Agent {
  return new RoutingAgent(ca, env, { onlyThese: local !== undefined }) as unknown as Agent;
}

/** The credentials of the target. Their own calls go through `agent` and end with `signal`. */
export async function credentialsOf(
  target: Target,
  agent: Agent,
  signal?: AbortSignal,
): Promise<CredentialSource> {
  const { shared, local } = target;
  if (shared === undefined) return async () => local?.credentials ?? DUMMY_CREDENTIALS;
  const { awsCredentials } = await import("../../aws/credentials/chain.ts");
  const region = () => withoutFips(target.region ?? shared.region());
  return awsCredentials(shared, { region, variant: () => variantOf(target) }, { agent, signal });
}

const DUMMY_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** The region itself of a name such as fips-us-east-1. */
export function withoutFips(region: string): string {
  return region.replace(/^fips-|-fips$/g, "");
}

/** Behind a web proxy names need not be known here. */
async function checkHost(region: string, host: string, env: Env): Promise<void> {
  const { checkRegion } = await import("../../aws/regions.ts");
  const { webProxyFor } = await import("../../net/web-proxy.ts");
  await checkRegion(region, webProxyFor(host, 443, env) === undefined ? host : undefined);
}

/** The data plane of a region or the one that was given, with the roots and the web proxy to reach it. */
export async function dataPlaneOf(target: Target, region: string, env: Env): Promise<DataPlane> {
  const { webProxyFor } = await import("../../net/web-proxy.ts");
  const { host, port } = dataPlaneAddress(target, region);
  if (target.dataPlane === undefined) await checkHost(withoutFips(region), host, env);
  return { host, port, ca: target.ca, webProxy: webProxyFor(host, port, env) };
}

/** Where the data plane is, without looking whether there is such a region. @throws ConfigError */
export function dataPlaneAddress(target: Target, region: string): HostPort {
  return target.dataPlane ?? { host: hostOf("dataPlane", withoutFips(region), variantOf(target)), port: 443 };
}
