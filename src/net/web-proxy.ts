import { BlockList, isIP } from "node:net";
import type { Env } from "../base/env.ts";
import { isLoopback } from "../base/host-names.ts";
import { parseWebProxy } from "./web-proxy-url.ts";

/**
 * The web proxy for an endpoint, as curl and Go read the environment: https_proxy before HTTPS_PROXY, unless
 * NO_PROXY names the host. Loopback is never reached through a proxy. @throws ConfigError naming the variable
 */
export function webProxyFor(host: string, port: number, env: Env): URL | undefined {
  const name = ["https_proxy", "HTTPS_PROXY"].find((candidate) => (env[candidate] ?? "") !== "");
  if (
    name === undefined ||
    isOfThisMachine(host) ||
    isExcluded(host, port, env["no_proxy"] || env["NO_PROXY"] || "")
  ) {
    return undefined;
  }
  return parseWebProxy(name, env[name] ?? "");
}

/** A name below localhost means this machine too (RFC 6761), whatever a web proxy would make of it. */
function isOfThisMachine(host: string): boolean {
  return isLoopback(host) || /\.localhost\.?$/i.test(host);
}

function isExcluded(host: string, port: number, noProxy: string): boolean {
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => matches(entry.toLowerCase(), host.toLowerCase(), port));
}

/** One entry of NO_PROXY: `*`, a domain with or without leading dot, an address, or a CIDR range; `:PORT` may follow. */
function matches(entry: string, host: string, port: number): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return inRange(entry, host);
  const withPort = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
  if (withPort !== null && Number(withPort[2]) !== port) return false;
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, "").replace(/^\*?\./, "");
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function inRange(entry: string, host: string): boolean {
  const [address = "", bits = ""] = entry.split("/");
  const family = isIP(address);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || !(prefix <= (family === 4 ? 32 : 128))) return false;
  const range = new BlockList();
  range.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  return inList(range, host);
}

function inList(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? "ipv4" : "ipv6");
}
