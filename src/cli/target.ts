// Which service a command talks to: AWS, another endpoint, or the serve-local of this machine. Decided once, so that
// dummy credentials never leave for AWS and real ones are never read under --local.

import { UsageError } from "../base/errors.ts";
import { shellLine } from "../base/shell.ts";
import { loadRoots } from "../net/roots.ts";
import type { DataPlane } from "../proxy/options.ts";
import type { Issuer } from "../proxy/saved-token.ts";
import type { CommandContext } from "./command.ts";
import type { Env, Settings } from "./config/layers.ts";
import { defaultStateDir, type LocalEndpoint, readLocalEndpoint } from "./config/local.ts";
import type { HostPort } from "./config/values.ts";

/** Everything that follows from region, endpoints, profile and --local. */
export interface Target {
  readonly local: LocalEndpoint | undefined;
  /** Absent: the shared AWS configuration may know one. */
  readonly region: string | undefined;
  /** Control plane; absent: the region's own. */
  readonly endpointUrl: string | undefined;
  /** Data plane; absent: the region's own. */
  readonly dataPlane: HostPort | undefined;
  /** PEM certificates trusted besides the system's. */
  readonly ca: readonly string[];
  /** Profile given by flag or file; the variable is read by the AWS SDK itself. */
  readonly profile: string | undefined;
  /** Whose tokens these are, in the token store. */
  readonly issuer: Issuer;
}

/** Reads the settings, says on stderr if the service is local, and throws UsageError or ConfigError. */
export function resolveTarget({ settings, env, output }: CommandContext): Target {
  const choice = settings.get("local");
  if (choice === undefined) {
    return remoteTarget(settings, env);
  }
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
    profile: undefined,
    issuer: { type: "local", stateDir: local.stateDir },
  };
}

function remoteTarget(settings: Settings, env: Env): Target {
  const endpointUrl = settings.get("endpointUrl")?.href;
  return {
    local: undefined,
    region: settings.get("region"),
    endpointUrl,
    dataPlane: settings.get("proxyEndpoint"),
    ca: loadRoots(caPaths(settings, env)),
    profile: settings.origin("profile").type === "env" ? undefined : settings.get("profile"),
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
    const directories = (env["SSL_CERT_DIR"] ?? "").split(":");
    return [env["SSL_CERT_FILE"] ?? "", ...directories].filter((each) => each !== "");
  }
  return [path];
}

/** The data plane of a region or the one that was given, with the roots and the web proxy to reach it. */
export async function dataPlaneOf(target: Target, region: string, env: Env): Promise<DataPlane> {
  const { dataPlaneHost } = await import("../aws/endpoints.ts");
  const { webProxyFor } = await import("../net/web-proxy.ts");
  const { host, port } = target.dataPlane ?? { host: dataPlaneHost(region), port: 443 };
  return { host, port, ca: target.ca, webProxy: webProxyFor(host, port, env) };
}
