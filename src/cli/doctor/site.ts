// The places that the doctor looks at, worked out from the settings once.

import type { Agent } from "node:https";
import type { Env } from "../../base/env.ts";
import { unbracketed } from "../../base/host-names.ts";
import { RoutingAgent } from "../../net/routing-agent.ts";
import { webProxyFor } from "../../net/web-proxy.ts";
import type { HostPort } from "../config/values.ts";
import { controlPlaneOf, dataPlaneAddress, type Target } from "../target/target.ts";

/** One endpoint with all that is needed to reach it. */
export interface Place extends HostPort {
  readonly ca: readonly string[];
  readonly webProxy: URL | undefined;
}

export interface Site {
  readonly target: Target;
  readonly region: string;
  readonly controlPlane: Place;
  /** URL of the control plane where it is not the region's own. */
  readonly customEndpoint: URL | undefined;
  readonly dataPlane: Place;
  /** Absent: it has to be looked up with AWS credentials. */
  readonly mqtt: Place | undefined;
  readonly thing: string | undefined;
  readonly services: readonly string[];
  readonly env: Env;
}

/** @throws ConfigError when a variable names no web proxy, or settings exclude each other */
export function describeSite(
  target: Target,
  region: string,
  more: Pick<Site, "thing" | "services" | "env"> & {
    readonly mqtt: { readonly host: string; readonly port: number | undefined } | undefined;
  },
): Site {
  const { env } = more;
  const mqtt = target.local?.mqtt ?? more.mqtt;
  const { url, isCustom } = controlPlaneOf(target, region);
  return {
    target,
    region,
    controlPlane: placeOf(hostPort(url), target, env),
    customEndpoint: isCustom ? url : undefined,
    dataPlane: placeOf(dataPlaneAddress(target, region), target, env),
    mqtt: mqtt && placeOf({ host: mqtt.host, port: mqtt.port ?? 8883 }, target, env),
    thing: more.thing,
    services: more.services,
    env,
  };
}

export function placeOf({ host, port }: HostPort, target: Target, env: Env): Place {
  return { host, port, ca: target.ca, webProxy: webProxyFor(host, port, env) };
}

function hostPort({ hostname, port, protocol }: URL): HostPort {
  return {
    host: unbracketed(hostname),
    port: Number(port || (protocol === "http:" ? 80 : 443)),
  };
}

/** Connections of the doctor's own HTTPS requests; under --local too, since a data plane may be named that is elsewhere. */
export function agentOf({ target, env }: Site): Agent & { destroy(): void } {
  return new RoutingAgent(target.ca, env) as unknown as Agent;
}
