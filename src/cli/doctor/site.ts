// The places that the doctor looks at, worked out from the settings once.

import type { Agent } from "node:https";
import { dataPlaneHost } from "../../aws/endpoints.ts";
import type { Logger } from "../../base/log.ts";
import { RoutingAgent } from "../../net/routing-agent.ts";
import { webProxyFor } from "../../net/web-proxy.ts";
import type { Env } from "../config/layers.ts";
import type { HostPort } from "../config/values.ts";
import type { Target } from "../target.ts";

/** One endpoint with all that is needed to reach it. */
export interface Place extends HostPort {
  readonly ca: readonly string[];
  readonly webProxy: URL | undefined;
}

export interface Site {
  readonly target: Target;
  readonly region: string;
  readonly controlPlane: Place;
  readonly dataPlane: Place;
  /** Absent: it has to be looked up with AWS credentials. */
  readonly mqtt: Place | undefined;
  readonly profile: string | undefined;
  readonly thing: string | undefined;
  readonly services: readonly string[];
  readonly env: Env;
  readonly log: Logger;
}

/** @throws ConfigError when a variable names no web proxy */
export function describeSite(
  target: Target,
  region: string,
  more: Pick<Site, "thing" | "services" | "env" | "log"> & {
    readonly mqtt: { readonly host: string; readonly port: number | undefined } | undefined;
  },
): Site {
  const { env } = more;
  const mqtt = target.local?.mqtt ?? more.mqtt;
  return {
    target,
    region,
    controlPlane: placeOf(controlPlaneOf(target, region, env), target, env),
    dataPlane: placeOf(target.dataPlane ?? { host: dataPlaneHost(region), port: 443 }, target, env),
    mqtt: mqtt && placeOf({ host: mqtt.host, port: mqtt.port ?? 8883 }, target, env),
    profile: target.local === undefined ? (target.profile ?? env["AWS_PROFILE"]) : undefined,
    thing: more.thing,
    services: more.services,
    env,
    log: more.log,
  };
}

export function placeOf({ host, port }: HostPort, target: Target, env: Env): Place {
  return { host, port, ca: target.ca, webProxy: webProxyFor(host, port, env) };
}

/** As the AWS SDK's own rules have it. */
function controlPlaneOf({ endpointUrl }: Target, region: string, env: Env): HostPort {
  if (endpointUrl !== undefined) {
    const { hostname, port, protocol } = new URL(endpointUrl);
    return {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(port || (protocol === "http:" ? 80 : 443)),
    };
  }
  const fips = env["AWS_USE_FIPS_ENDPOINT"] === "true" ? "-fips" : "";
  if (env["AWS_USE_DUALSTACK_ENDPOINT"] === "true") {
    const suffix = region.startsWith("cn-") ? "api.amazonwebservices.com.cn" : "api.aws";
    return { host: `api.tunneling.iot${fips}.${region}.${suffix}`, port: 443 };
  }
  const end = region.startsWith("cn-") ? ".cn" : "";
  return { host: `api.tunneling.iot${fips}.${region}.amazonaws.com${end}`, port: 443 };
}

/** Connections of the doctor's own HTTPS requests. */
export function agentOf({ target, env }: Site): Agent & { destroy(): void } {
  return new RoutingAgent(target.ca, env) as unknown as Agent;
}
