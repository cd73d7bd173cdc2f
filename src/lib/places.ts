import { hostOf } from "../aws/endpoints.ts";
import { UsageError } from "../base/errors.ts";
import { webProxyFor } from "../net/web-proxy.ts";
import type { DataPlane } from "../proxy/options.ts";

/** A TLS server and whom to trust there. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** PEM certificates trusted besides those of runtime and system. */
  readonly ca?: readonly string[] | undefined;
}

/** Which data plane a proxy connects to: AWS's in a region, or another one, as `serveLocal` has. */
export interface DataPlaneChoice {
  /** Region of the tunnel, such as `eu-west-1`. */
  readonly region?: string | undefined;
  /** Takes the place of the region's own. */
  readonly dataPlane?: ServerAddress | undefined;
}

/** Where the data plane is, through the web proxy that the environment names. @throws UsageError, ConfigError */
export function dataPlaneOf({ region, dataPlane }: DataPlaneChoice): DataPlane {
  if (dataPlane === undefined && region === undefined) {
    throw new UsageError("which data plane? neither region nor dataPlane is given", 'region: "eu-west-1"');
  }
  return throughWebProxy(dataPlane ?? { host: hostOf("dataPlane", region ?? ""), port: 443 });
}

/** A server, through the web proxy that the environment names for it. @throws ConfigError */
export function throughWebProxy({ host, port, ca = [] }: ServerAddress) {
  return { host, port, ca, webProxy: webProxyFor(host, port, process.env) };
}
