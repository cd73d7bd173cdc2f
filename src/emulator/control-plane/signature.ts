// Signature Version 4, by header, verified in full. Strings hold bytes here, one a character, as HTTP parsers give them.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** A key that calls may be signed with. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials: has to be presented with them. */
  readonly sessionToken?: string | undefined;
}

/** A request as it came. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const DATE = "x-amz-date";
const SESSION_TOKEN = "x-amz-security-token";
const BODY_HASH = "x-amz-content-sha256";

/**
 * What is wrong with the signature of a request; undefined when `key` has signed just this request. Whether its time is
 * near enough, and its service the right one, is not asked here.
 * @param isNormalized whether the path was signed without its dot segments and empty segments, as for every service but S3
 */
export function signatureFault(
  request: SignedRequest,
  key: SigningKey,
  isNormalized = true,
): "unknown-key" | "wrong-signature" | undefined {
  const headers = headersOf(request.rawHeaders);
  const authorization = readAuthorization(headers.get("authorization") ?? []);
  const [date, ...moreDates] = headers.get(DATE) ?? [];
  if (authorization === undefined || date === undefined || moreDates.length > 0) return "wrong-signature";
  const { credential, signedHeaders, signature } = authorization;
  const [accessKeyId, ...scope] = credential.split("/");
  const tokens = headers.get(SESSION_TOKEN) ?? [];
  if (accessKeyId !== key.accessKeyId || tokens.join() !== (key.sessionToken ?? "")) return "unknown-key";
  const bodyHash = sha256(request.body);
  const isWhole =
    request.target.startsWith("/") &&
    scope[0] === date.slice(0, 8) &&
    coversHeaders(headers, signedHeaders) &&
    (headers.get(BODY_HASH) ?? [bodyHash]).every((value) => value === bodyHash);
  const canonical = canonicalRequest({ ...request, headers, signedHeaders, bodyHash, isNormalized });
  const toSign = [ALGORITHM, date, scope.join("/"), sha256(Buffer.from(canonical, "latin1"))].join("\n");
  const expected = hmac(signingKey(key, scope), toSign);
  return isWhole && timingSafeEqual(expected, Buffer.from(signature, "hex")) ? undefined : "wrong-signature";
}

interface Authorization {
  readonly credential: string;
  /** Lower case, each once, in order. */
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits. */
  readonly signature: string;
}

function readAuthorization(values: readonly string[]): Authorization | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+\/\d{8}\/[^/,\s]+\/[^/,\s]+\/aws4_request), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/;
  const match = values.length === 1 ? pattern.exec(values[0] ?? "") : null;
  const [, credential = "", names = "", signature = ""] = match ?? [];
  const signedHeaders = names.split(";");
  const isInOrder = signedHeaders.every(
    (name, index) => index === 0 || name > (signedHeaders[index - 1] ?? ""),
  );
  return match !== null && isInOrder ? { credential, signedHeaders, signature } : undefined;
}

/** All values by name in lower case, each without the white space that says nothing. */
function headersOf(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    const value = (rawHeaders[index + 1] ?? "").trim().replaceAll(/\s+/g, " ");
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return headers;
}

/** What decides what a request means has to be signed. The session token may be added afterwards: it is compared. */
function coversHeaders(headers: ReadonlyMap<string, unknown>, signedHeaders: readonly string[]): boolean {
  const isDecisive = (name: string) =>
    name === "host" || name === "content-type" || (name.startsWith("x-amz-") && name !== SESSION_TOKEN);
  return (
    signedHeaders.every((name) => headers.has(name)) &&
    ["host", ...headers.keys()].every((name) => !isDecisive(name) || signedHeaders.includes(name))
  );
}

function canonicalRequest(request: {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly signedHeaders: readonly string[];
  readonly bodyHash: string;
  readonly isNormalized: boolean;
}): string {
  const { method, target, headers, signedHeaders, bodyHash, isNormalized } = request;
  const at = target.indexOf("?");
  const path = at === -1 ? target : target.slice(0, at);
  const query = at === -1 ? "" : target.slice(at + 1);
  return [
    method,
    encode(isNormalized ? normalize(path) : path, "/"),
    canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${headers.get(name)?.join(",")}`),
    "",
    signedHeaders.join(";"),
    bodyHash,
  ].join("\n");
}

function canonicalQuery(query: string): string {
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      const [name, value] = at === -1 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
      return [encode(decode(name)), encode(decode(value))] as const;
    });
  return pairs
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map((pair) => pair.join("="))
    .join("&");
}

/** Without dot segments and empty segments (RFC 3986 section 5.2.4), but for a slash at the end. */
function normalize(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "." && segment !== "") kept.push(segment);
  }
  const isDirectory = /(?:^|\/)\.{0,2}$/.test(path) && kept.length > 0;
  return `/${kept.join("/")}${isDirectory ? "/" : ""}`;
}

/** Escapes every byte but the unreserved ones and those in `kept`. */
function encode(bytes: string, kept = ""): string {
  return [...bytes]
    .map((char) => {
      if (/[0-9A-Za-z._~-]/.test(char) || kept.includes(char)) return char;
      return `%${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function decode(text: string): string {
  return text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function signingKey({ secretAccessKey }: SigningKey, scope: readonly string[]): Uint8Array {
  return scope.reduce<Uint8Array>(hmac, Buffer.from(`AWS4${secretAccessKey}`));
}

function hmac(key: Uint8Array, data: string): Buffer {
  return createHmac("sha256", key).update(data, "latin1").digest();
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
