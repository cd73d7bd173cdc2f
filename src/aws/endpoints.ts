/**
 * Whether a text has the form of a region name. It becomes part of a host name, so nothing that could lead
 * to another host (dots, slashes, "@", ports) passes.
 */
export function checkRegion(text: string): boolean {
  return text.length <= 40 && /^[a-z]{2,6}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(text);
}

/** Host of the data plane of a region, port 443; the tunnel's own region is the only one that accepts its tokens. */
export function dataPlaneHost(region: string): string {
  if (!checkRegion(region)) {
    throw new TypeError(`not a region: ${JSON.stringify(region)}`);
  }
  return `data.tunneling.iot.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
