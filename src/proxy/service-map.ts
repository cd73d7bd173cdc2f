import { isIPv6 } from "node:net";
import { UsageError } from "../base/errors.ts";
import { escapeControl } from "../base/escape.ts";
import { isApiName } from "../base/names.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { AddressMap, Side } from "./options.ts";

/**
 * Reads `[SERVICE=][HOST:]PORT` and `[SERVICE=]/UNIX/SOCKET`, several separated by commas.
 *
 * What stands before the first "=" is the service id, unless the entry begins with "/": then all of it is a path.
 * A ":" never separates a service id, since service ids may contain one (`a:b=22` is service "a:b"). An entry
 * without a service id stands for the only service of its tunnel and must be alone. Port 0 takes a free port
 * and is for the source only. Throws UsageError quoting the entry.
 */
export function parseServiceMap(text: string, mode: Side): AddressMap {
  const map = new Map<string, SocketAddress>();
  for (const entry of text.split(",")) {
    const { service, address } = parseEntry(entry, mode);
    if (map.has(service)) {
      throw service === "" ? unnamed(text, mode) : fault(entry, "this service was given before", mode);
    }
    if (mode === "source" && [...map.values()].some((other) => isSameListener(other, address))) {
      throw fault(entry, "another service listens there already", mode);
    }
    map.set(service, address);
  }
  if (map.size > 1 && map.has("")) throw unnamed(text, mode);
  return map;
}

function parseEntry(
  entry: string,
  mode: Side,
): { readonly service: string; readonly address: SocketAddress } {
  const at = entry.startsWith("/") ? -1 : entry.indexOf("=");
  const service = at < 0 ? "" : entry.slice(0, at);
  if (at >= 0 && !isApiName(service)) {
    throw fault(entry, "a service id has 1 to 128 letters, digits, “:”, “_” and “-”", mode);
  }
  return { service, address: parseAddress(entry.slice(at + 1), entry, mode) };
}

/** `PORT`, `HOST:PORT`, `[IPV6]:PORT` or a path with a slash. */
function parseAddress(text: string, entry: string, mode: Side): SocketAddress {
  if (text.includes("/")) return { type: "unix", path: checkPath(text, entry, mode) };
  const match = /^(?:(?:\[([^\]]*)\]|([a-zA-Z0-9._-]{1,253})):)?(\d{1,5})$/.exec(text);
  if (match === null) {
    throw fault(
      entry,
      isIPv6(text.replace(/:\d+$/, "")) ? "put the IPv6 address in brackets" : "no port",
      mode,
    );
  }
  const [, ipv6, name] = match;
  if (ipv6 !== undefined && !isIPv6(ipv6)) {
    throw fault(entry, "only an IPv6 address stands in brackets", mode);
  }
  const port = Number(match[3]);
  if (port > 65_535 || (port === 0 && mode === "destination")) {
    throw fault(
      entry,
      mode === "source" ? "a port is a number from 0 to 65535" : "a port is a number from 1 to 65535",
      mode,
    );
  }
  const host = ipv6 ?? name;
  return host === undefined ? { type: "tcp", port } : { type: "tcp", host, port };
}

/** Longest path of a Unix socket on Linux, without the closing zero byte. */
const MAX_SOCKET_PATH_BYTES = 107;

function checkPath(path: string, entry: string, mode: Side): string {
  if (!path.startsWith("/") || new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    throw fault(
      entry,
      `the path of a Unix socket starts with “/” and has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
      mode,
    );
  }
  return path;
}

function isSameListener(a: SocketAddress, b: SocketAddress): boolean {
  if (a.type === "unix" || b.type === "unix") {
    return a.type === "unix" && b.type === "unix" && a.path === b.path;
  }
  return a.port !== 0 && a.port === b.port && a.host === b.host;
}

function unnamed(text: string, mode: Side): UsageError {
  return fault(text, "name the service of each when there are several", mode);
}

function fault(entry: string, reason: string, mode: Side): UsageError {
  const example =
    mode === "source" ? "tunnel proxy source -p SSH=2222" : "tunnel proxy destination -d SSH=localhost:22";
  return new UsageError(`service map entry "${escapeControl(entry, 200)}": ${reason}`, example);
}
