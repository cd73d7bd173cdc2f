// Where the services of AWS are: the one table of host names, for control plane, data plane, device lookups, caller
// identity and the services that give credentials.

import { ConfigError } from "../base/errors.ts";
import { isRegion } from "../base/names.ts";
import { partitionOf } from "./partitions.ts";
import { noSuchRegion } from "./regions.ts";

/** Which kind of host is wanted. */
export interface Variant {
  /** Cryptography validated under FIPS 140. */
  readonly fips: boolean;
  /** Addresses of IPv4 and IPv6. */
  readonly dualStack: boolean;
}

export const USUAL: Variant = { fips: false, dualStack: false };

/** The first part of a service's host names; `FIPS` stands where "-fips" may be put in. */
interface Names {
  readonly usual: string;
  readonly dualStack: string;
  /** GovCloud's usual hosts are its FIPS hosts, under the usual name. */
  readonly isPlainInGovCloud?: boolean;
}

const FIPS = "{fips}";

/**
 * As the endpoint rules of the AWS SDKs have them, but for the data plane, which no SDK calls: AWS documents its usual
 * name (guide of the reference proxy). Its FIPS name is inferred from the names of its PrivateLink services
 * (`iot.tunneling.data`, `iot-fips.tunneling.data`), which are built like those of the control plane. For dual-stack AWS
 * documents no name, so it stays with the usual one: it is known to work.
 */
const NAMES = {
  controlPlane: { usual: `api.tunneling.iot${FIPS}`, dualStack: `api.iot-tunneling${FIPS}` },
  dataPlane: { usual: `data.tunneling.iot${FIPS}`, dualStack: "" },
  iot: { usual: `iot${FIPS}`, dualStack: `iot${FIPS}` },
  sts: { usual: `sts${FIPS}`, dualStack: `sts${FIPS}`, isPlainInGovCloud: true },
  sso: { usual: `portal.sso${FIPS}`, dualStack: `portal.sso${FIPS}`, isPlainInGovCloud: true },
  ssoOidc: { usual: `oidc${FIPS}`, dualStack: `oidc${FIPS}`, isPlainInGovCloud: true },
} as const satisfies Record<string, Names>;

export type AwsService = keyof typeof NAMES;

/** Partitions in which the control plane keeps its usual name on dual-stack hosts. */
const WITH_OLD_DUAL_STACK_NAME = /^aws-(iso|eusc)/;

/** Host of a service in a region, port 443. @throws ConfigError when the text has not the form of a region's name */
export function hostOf(service: AwsService, region: string, { fips, dualStack }: Variant = USUAL): string {
  if (!isRegion(region)) throw noSuchRegion(region);
  const partition = partitionOf(region);
  const names: Names = NAMES[service];
  const isDualStack = dualStack && names.dualStack !== "";
  const isOld = service === "controlPlane" && WITH_OLD_DUAL_STACK_NAME.test(partition.id);
  const name = isDualStack && !isOld ? names.dualStack : names.usual;
  const isPlain = names.isPlainInGovCloud === true && partition.id === "aws-us-gov" && !isDualStack;
  const suffix = isDualStack ? partition.dualStackSuffix : partition.suffix;
  return `${name.replace(FIPS, fips && !isPlain ? "-fips" : "")}.${region}.${suffix}`;
}

/** A service of AWS, and the region that signatures for it are made for. */
export interface AwsPlace {
  readonly url: URL;
  readonly region: string;
}

/** What decides where the control plane is. */
export interface ControlPlaneSettings extends Variant {
  readonly region: string | undefined;
  /** URL given in place of the region's own. */
  readonly endpoint: string | undefined;
}

/** URL of the control plane. @throws ConfigError for settings that exclude each other, and without a region */
export function controlPlaneUrl({ region, endpoint, ...variant }: ControlPlaneSettings): string {
  if (endpoint !== undefined) {
    if (variant.fips) throw unsupported("FIPS", "AWS_USE_FIPS_ENDPOINT or use_fips_endpoint");
    if (variant.dualStack) {
      throw unsupported("Dualstack", "AWS_USE_DUALSTACK_ENDPOINT or use_dualstack_endpoint");
    }
    return endpoint;
  }
  if (region === undefined) {
    throw new ConfigError("no region given", { hint: "add --region eu-west-1, or set AWS_REGION" });
  }
  return `https://${hostOf("controlPlane", region, variant)}`;
}

/** In the words of AWS's own tools. */
function unsupported(what: string, where: string): ConfigError {
  return new ConfigError(`Invalid Configuration: ${what} and custom endpoint are not supported`, {
    hint: `switch off ${where}, or leave out --endpoint-url and AWS_ENDPOINT_URL`,
  });
}
