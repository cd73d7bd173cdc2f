import {
  ACCESS_TOKEN_COOKIE,
  ACCESS_TOKEN_HEADER,
  CLIENT_TOKEN_HEADER,
  CLIENT_TOKEN_PATTERN,
  MAX_HANDSHAKE_BYTES,
  MODE_PARAMETER,
  SUBPROTOCOLS,
  TUNNEL_PATH,
} from "../../protocol/constants.ts";
import type { Side } from "./relay.ts";

/** The parts of an upgrade request that decide over it. */
export interface UpgradeRequest {
  readonly url: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** An upgrade request that may become a WebSocket if its tokens are good, or the answer that refuses it. */
export type Handshake =
  | {
      readonly type: "accepted";
      readonly side: Side;
      readonly accessToken: string;
      readonly clientToken: string | undefined;
      readonly subprotocol: string;
    }
  | { readonly type: "refused"; readonly status: number; readonly reason: string };

/**
 * Checks everything about an upgrade request but the token itself (P1 to P5).
 * @param allowOrigins origins besides our own from which a browser may connect with a cookie
 */
export function readHandshake(request: UpgradeRequest, allowOrigins: readonly string[]): Handshake {
  if (requestBytes(request) > MAX_HANDSHAKE_BYTES) {
    return refuse(`The request is longer than ${MAX_HANDSHAKE_BYTES} bytes`);
  }
  const url = URL.parse(request.url, "wss://localhost");
  if (url?.pathname !== TUNNEL_PATH) return refuse(`The path must be ${TUNNEL_PATH}`);
  const side = sideOf(url);
  if (side === undefined) return refuse(`${MODE_PARAMETER} must be given once, as source or destination`);
  const headers = valuesOf(request.rawHeaders, ACCESS_TOKEN_HEADER);
  const cookies = cookiesOf(request.rawHeaders);
  const [accessToken, second] = [...headers, ...cookies];
  if (!accessToken || second !== undefined) {
    return refuse(
      "Invalid access token: Exactly one access token must be given, as a header or as a cookie.",
    );
  }
  if (cookies.length > 0 && !isAllowedOrigin(request.rawHeaders, allowOrigins)) {
    return { type: "refused", status: 403, reason: "A cookie is not accepted from this origin" };
  }
  const [clientToken, secondClientToken] = valuesOf(request.rawHeaders, CLIENT_TOKEN_HEADER);
  if (
    secondClientToken !== undefined ||
    (clientToken !== undefined && !CLIENT_TOKEN_PATTERN.test(clientToken))
  ) {
    return refuse(
      "Invalid client token: One client token of 32 to 128 letters, digits and hyphens may be given.",
    );
  }
  const offered = valuesOf(request.rawHeaders, "sec-websocket-protocol").flatMap((value) =>
    value.split(/\s*,\s*/),
  );
  const subprotocol = SUBPROTOCOLS.find((known) => offered.includes(known));
  if (subprotocol === undefined)
    return refuse(`None of the subprotocols ${SUBPROTOCOLS.join(", ")} was offered`);
  if (!isWebSocketRequest(request.rawHeaders))
    return refuse("The request is no WebSocket version 13 handshake");
  return { type: "accepted", side, accessToken, clientToken, subprotocol };
}

/** Length of the request as it was on the wire. */
function requestBytes({ url, rawHeaders }: UpgradeRequest): number {
  const line = `GET ${url} HTTP/1.1\r\n`.length;
  return rawHeaders.reduce((sum, part) => sum + part.length + 2, line + 2);
}

function sideOf(url: URL): Side | undefined {
  const [mode, second] = url.searchParams.getAll(MODE_PARAMETER);
  if (second !== undefined) return undefined;
  return mode === "source" || mode === "destination" ? mode : undefined;
}

/** Checked before the token is used up, since the handshake would fail after it. */
function isWebSocketRequest(rawHeaders: readonly string[]): boolean {
  const [key] = valuesOf(rawHeaders, "sec-websocket-key");
  const [version] = valuesOf(rawHeaders, "sec-websocket-version");
  const [upgrade] = valuesOf(rawHeaders, "upgrade");
  return (
    upgrade?.toLowerCase() === "websocket" && version === "13" && /^[+/0-9A-Za-z]{22}==$/.test(key ?? "")
  );
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

function cookiesOf(rawHeaders: readonly string[]): string[] {
  return valuesOf(rawHeaders, "cookie")
    .flatMap((value) => value.split(/;\s*/))
    .filter((cookie) => cookie.startsWith(`${ACCESS_TOKEN_COOKIE}=`))
    .map((cookie) => cookie.slice(ACCESS_TOKEN_COOKIE.length + 1));
}

/** A browser sends a cookie from any page; without an Origin header it is no browser. */
function isAllowedOrigin(rawHeaders: readonly string[], allowed: readonly string[]): boolean {
  const origins = valuesOf(rawHeaders, "origin");
  const [host] = valuesOf(rawHeaders, "host");
  return origins.every((origin) => allowed.includes(origin) || origin === `https://${host}`);
}

function refuse(reason: string): Handshake {
  return { type: "refused", status: 400, reason };
}
