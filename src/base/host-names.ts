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

const LOCALHOST = /^localhost\.?$/i;
const IPV4_LOOPBACK = /^127(?:\.(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])){3}$/;
/** ::1, with any of its zeros written out. */
const IPV6_LOOPBACK = /^(?:(?:::|(?:0{1,4}:){1,6}:)(?:0{1,4}:)*|(?:0{1,4}:){7})0{0,3}1$/;

/**
 * Whether a host is this machine itself: localhost or an address of the loopback, with or without brackets. A name that
 * only begins like one (127.example.org) is somebody else's.
 */
export function isLoopback(host: string): boolean {
  const bare = unbracketed(host);
  return LOCALHOST.test(bare) || IPV4_LOOPBACK.test(bare) || IPV6_LOOPBACK.test(bare);
}
