// Signature version 4 as the receiving side checks it, written from the AWS documentation and independent of the
// signer that the program uses.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface SignedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What a valid signature was made for. */
export interface SignatureScope {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
  readonly sessionToken: string | undefined;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The scope of a request without body that is signed in its query or its headers; throws when the signature is wrong. */
export function checkSignature(request: SignedRequest, secret: string): SignatureScope {
  const url = new URL(request.target, "https://host.invalid");
  const query = [...url.searchParams];
  return url.searchParams.has("X-Amz-Signature")
    ? inQuery(request, url, query, secret)
    : inHeaders(request, url, query, secret);
}

type Pairs = readonly (readonly [string, string])[];

function inQuery(request: SignedRequest, url: URL, query: Pairs, secret: string): SignatureScope {
  const value = (name: string) => url.searchParams.get(name) ?? "";
  // AWS IoT's own rule: signature and session token are added after signing.
  const signed = query.filter(([name]) => name !== "X-Amz-Signature" && name !== "X-Amz-Security-Token");
  const date = value("X-Amz-Date");
  checkAge(date, Number(value("X-Amz-Expires")));
  return check(request, url, signed, secret, {
    algorithm: value("X-Amz-Algorithm"),
    credential: value("X-Amz-Credential"),
    signedHeaders: value("X-Amz-SignedHeaders"),
    signature: value("X-Amz-Signature"),
    date,
    sessionToken: url.searchParams.get("X-Amz-Security-Token") ?? undefined,
  });
}

function inHeaders(request: SignedRequest, url: URL, query: Pairs, secret: string): SignatureScope {
  const match = /^(\S+) Credential=(\S+), SignedHeaders=(\S+), Signature=(\S+)$/.exec(
    String(request.headers["authorization"]),
  );
  const [, algorithm = "", credential = "", signedHeaders = "", signature = ""] = match ?? [];
  const date = String(request.headers["x-amz-date"]);
  checkAge(date, 300);
  const token = request.headers["x-amz-security-token"];
  const sessionToken = token === undefined ? undefined : String(token);
  return check(request, url, query, secret, {
    algorithm,
    credential,
    signedHeaders,
    signature,
    date,
    sessionToken,
  });
}

interface Claims {
  readonly algorithm: string;
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
  readonly sessionToken: string | undefined;
}

function check(
  request: SignedRequest,
  url: URL,
  query: Pairs,
  secret: string,
  claims: Claims,
): SignatureScope {
  const [accessKeyId = "", day = "", region = "", service = "", end] = claims.credential.split("/");
  if (claims.algorithm !== ALGORITHM || end !== "aws4_request" || day !== claims.date.slice(0, 8)) {
    throw new Error("not a signature of version 4");
  }
  const names = claims.signedHeaders.split(";");
  if (!names.includes("host")) throw new Error("the host is not signed");
  const canonical = [
    request.method,
    url.pathname,
    query
      .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
      .toSorted()
      .join("&"),
    ...names.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    "",
    claims.signedHeaders,
    sha256(""),
  ].join("\n");
  const scope = [day, region, service, "aws4_request"];
  const key = scope.reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${secret}`);
  const text = [ALGORITHM, claims.date, scope.join("/"), sha256(canonical)].join("\n");
  const expected = hmac(key, text);
  const given = Buffer.from(claims.signature, "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Error("the signature is wrong");
  }
  return { accessKeyId, region, service, sessionToken: claims.sessionToken };
}

function checkAge(date: string, maxSeconds: number): void {
  const [, y, m, d, h, min, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const ageS = (Date.now() - Date.parse(`${y}-${m}-${d}T${h}:${min}:${s}Z`)) / 1_000;
  if (!(Math.abs(ageS) <= maxSeconds)) throw new Error("the signature is too old");
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
