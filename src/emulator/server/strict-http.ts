import { isOwnHost } from "./host-rule.ts";

/** What is judged of an HTTP request before anybody looks at its meaning. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** Why a request is not taken: HTTP status and sentence. */
export interface HttpRefusal {
  readonly status: number;
  readonly reason: string;
}

/**
 * Refuses a request that two programs could read differently: HTTP parsers are lenient, and each in its own way. It has
 * to be HTTP/1.1 in origin form, with one Host, which is one of `hostNames`. OPTIONS may name the server itself, by `*`.
 */
export function refuseRequest(head: RequestHead, hostNames: readonly string[]): HttpRefusal | undefined {
  if (head.httpVersion !== "1.1") return { status: 505, reason: "This server speaks HTTP/1.1" };
  const [host, second] = valuesOf(head.rawHeaders, "host");
  if (host === undefined || second !== undefined) {
    return { status: 400, reason: "A request has one Host header" };
  }
  if (!isOwnHost(host, hostNames)) {
    return { status: 421, reason: "This server does not answer for that host" };
  }
  const isServer = head.method === "OPTIONS" && head.url === "*";
  return isServer || /^\/(?!\/)[^#\\]*$/.test(head.url ?? "")
    ? undefined
    : { status: 400, reason: "The request target has to be a path, with a query or without" };
}

/** Refuses an upgrade that is none: only a GET without body may become a WebSocket. */
export function refuseUpgradeRequest({ method, rawHeaders }: RequestHead): HttpRefusal | undefined {
  if (method !== "GET") return { status: 405, reason: "A WebSocket handshake is a GET" };
  const hasBody =
    valuesOf(rawHeaders, "content-length").some((value) => value !== "0") ||
    valuesOf(rawHeaders, "transfer-encoding").length > 0;
  return hasBody ? { status: 400, reason: "A WebSocket handshake has no body" } : undefined;
}

/** All values of a header, by its name in lower case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
