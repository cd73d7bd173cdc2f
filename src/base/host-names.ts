import { BlockList, isIP } from "node:net";

/** A host as it stands in a URL or before a port: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** The host name of a URL without the brackets of an IPv6 address, as sockets want it. */
export function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** `host:port`, for a URL, a header or a message. */
export function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${bracketed(host)}:${port}`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * Whether a host is this machine itself: localhost or an address of the loopback, with or without brackets. A name that
 * only begins like one (127.example.org) is somebody else's.
 */
export function isLoopback(host: string): boolean {
  const bare = unbracketed(host);
  const family = isIP(bare);
  if (family === 0) return /^localhost\.?$/i.test(bare);
  return LOOPBACK.check(bare, family === 4 ? "ipv4" : "ipv6");
}
