import { isRegion } from "../base/names.ts";

/** Host of the data plane of a region, port 443; the tunnel's own region is the only one that accepts its tokens. */
export function dataPlaneHost(region: string): string {
  if (!isRegion(region)) {
    throw new TypeError(`not a region: ${JSON.stringify(region)}`);
  }
  return `data.tunneling.iot.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
