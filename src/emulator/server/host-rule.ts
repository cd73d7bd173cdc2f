/**
 * Whether a Host header names this emulator. A web page that makes its own name resolve to 127.0.0.1 sends that name,
 * and is refused by it. The port is not looked at: the reference proxy leaves it out.
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  const host = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/@]+)(?::\d{1,5})?$/.exec(header ?? "")?.[1];
  return host !== undefined && names.includes(host.toLowerCase());
}
