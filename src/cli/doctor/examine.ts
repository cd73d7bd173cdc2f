// All checks, at the same time, each with its own time limit.

import type { ControlPlane } from "../../aws/control-plane.ts";
import { untilAborted } from "../../base/abort.ts";
import { type Finding, fail, failed, warn } from "./finding.ts";
import { checkMqtt } from "./mqtt-check.ts";
import { checkClock, checkDns, checkTls, checkWebProxy } from "./network-checks.ts";
import {
  checkControlPlane,
  checkCredentials,
  checkDataPlane,
  checkPermissions,
  checkThing,
} from "./service-checks.ts";
import type { Site } from "./site.ts";

/** Of each check. Longer than anything that works takes, shorter than anybody waits. */
const LIMIT_MS = 10_000;

type Check = (signal: AbortSignal) => Promise<Finding | readonly Finding[]>;

/** Findings in the order in which to mend things: what stands first is often the reason for the rest. */
export async function examine(site: Site, api: ControlPlane, signal: AbortSignal): Promise<Finding[]> {
  const { controlPlane, dataPlane } = site;
  const behindWebProxy = isPlain(site) ? [dataPlane] : [controlPlane, dataPlane];
  const checks: readonly (readonly [name: string, check: Check])[] = [
    ["web-proxy", (limit) => checkWebProxy(behindWebProxy, limit)],
    ["dns-control-plane", () => checkDns("dns-control-plane", controlPlane)],
    ["dns-data-plane", () => checkDns("dns-data-plane", dataPlane)],
    ["clock", (limit) => checkClock(site, limit)],
    ["tls-control-plane", (limit) => checkControlPlaneTls(site, limit)],
    ["tls-data-plane", (limit) => checkTls("tls-data-plane", dataPlane, limit)],
    ["credentials", (limit) => checkCredentials(site, limit)],
    ["control-plane", () => checkControlPlane(site, api)],
    ["permissions", () => checkPermissions(api)],
    ["data-plane", (limit) => checkDataPlane(site, limit)],
    ["mqtt", (limit) => checkMqtt(site, limit)],
    ["thing", () => checkThing(site, api)],
  ];
  const findings = await Promise.all(checks.map(([name, check]) => limited(name, check, signal)));
  signal.throwIfAborted();
  return findings.flat();
}

/** A control plane of somebody's own may do without TLS. */
async function checkControlPlaneTls(site: Site, limit: AbortSignal): Promise<Finding> {
  if (isPlain(site)) {
    return warn("tls-control-plane", `none: ${site.customEndpoint} is not encrypted`, "use https://");
  }
  return checkTls("tls-control-plane", site.controlPlane, limit);
}

/** HTTPS_PROXY does not count for a control plane without TLS either. */
function isPlain({ customEndpoint }: Site): boolean {
  return customEndpoint?.protocol === "http:";
}

async function limited(
  name: string,
  check: Check,
  signal: AbortSignal,
): Promise<Finding | readonly Finding[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  try {
    return await untilAborted(limit, check(limit));
  } catch (error) {
    return limit.aborted
      ? fail(name, `no answer within ${LIMIT_MS / 1_000} s`, LATE_FIX)
      : failed(name, error);
  }
}

const LATE_FIX =
  "a firewall that drops packets looks like this: ask for port 443 to be opened, or set HTTPS_PROXY";
