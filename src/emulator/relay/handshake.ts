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
import { valuesOf } from "../server/strict-http.ts";
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
  const [path, query = ""] = splitOnce(request.url, "?");
  if (path !== TUNNEL_PATH) return refuse(`The path must be ${TUNNEL_PATH}`);
  const side = sideOf(query);
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
  const offered = subprotocolsOf(request.rawHeaders);
  if (offered === undefined) return refuse("Sec-WebSocket-Protocol is no list of names, each once");
  const subprotocol = SUBPROTOCOLS.find((known) => offered.includes(known));
  if (subprotocol === undefined) {
    return refuse(`None of the subprotocols ${SUBPROTOCOLS.join(", ")} was offered`);
  }
  if (!isWebSocketRequest(request.rawHeaders)) {
    return refuse("The request is no WebSocket version 13 handshake");
  }
  return { type: "accepted", side, accessToken, clientToken, subprotocol };
}

/** Length of the request as it was on the wire. */
function requestBytes({ url, rawHeaders }: UpgradeRequest): number {
  const line = `GET ${url} HTTP/1.1\r\n`.length;
  return rawHeaders.reduce((sum, part) => sum + part.length + 2, line + 2);
}

function sideOf(query: string): Side | undefined {
  const [mode, second] = new URLSearchParams(query).getAll(MODE_PARAMETER);
  if (second !== undefined) return undefined;
  return mode === "source" || mode === "destination" ? mode : undefined;
}

/** Each of these comes once: of two, one program would read the first and another the last. */
function isWebSocketRequest(rawHeaders: readonly string[]): boolean {
  const [key, version, upgrade] = ["sec-websocket-key", "sec-websocket-version", "upgrade"].map((name) => {
    const [value, second] = valuesOf(rawHeaders, name);
    return second === undefined ? value : undefined;
  });
  return (
    upgrade?.toLowerCase() === "websocket" && version === "13" && /^[+/0-9A-Za-z]{22}==$/.test(key ?? "")
  );
}

/** The names offered, over all headers of that name; undefined where they are no list of tokens, or one comes twice. */
function subprotocolsOf(rawHeaders: readonly string[]): readonly string[] | undefined {
  const values = valuesOf(rawHeaders, "sec-websocket-protocol");
  if (values.length === 0) return [];
  const names = values
    .join(",")
    .split(",")
    .map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ""));
  const isList = names.every((name) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name));
  return isList && new Set(names).size === names.length ? names : undefined;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
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
