// Signature version 4, with the AWS SDK's own signer. Imported lazily.

import { Hash } from "@smithy/hash-node";
import { SignatureV4 } from "@smithy/signature-v4";
import { type CredentialSource, checkKeys, type Keys } from "./credentials/keys.ts";
import {
  type Carrier,
  type ExchangeLimits,
  exchange,
  type PlainAnswer,
  type PlainRequest,
  send,
} from "./http.ts";

/** Signing name of MQTT over WebSocket. */
const MQTT_SERVICE = "iotdevicegateway";
/** How long a signed address may be used; it is used at once. */
const EXPIRES_S = 300;

/** What a signature is made for. */
export interface Scope {
  /** Signing name of the service, such as `sts`. */
  readonly service: string;
  readonly region: string;
}

/** Sends a signed request. @throws UnreachableError that names the host */
export async function sendSigned(
  url: URL,
  request: PlainRequest,
  scope: Scope,
  keys: Keys,
  carrier: Carrier,
): Promise<PlainAnswer> {
  return send(url, await signRequest(url, request, scope, keys, new Date()), carrier);
}

/** Sends a signed request; fails as `exchange` does. `now` is the time on the service's clock. */
export async function exchangeSigned(
  url: URL,
  request: PlainRequest,
  { scope, keys, now }: { readonly scope: Scope; readonly keys: Keys; readonly now: Date },
  carrier: Carrier,
  limits: ExchangeLimits,
): Promise<PlainAnswer> {
  return exchange(url, await signRequest(url, request, scope, keys, now), carrier, limits);
}

async function signRequest(
  url: URL,
  request: PlainRequest,
  scope: Scope,
  keys: Keys,
  now: Date,
): Promise<PlainRequest> {
  // As node writes it: without the port that the scheme has anyway.
  const headers = { ...request.headers, host: url.host };
  const signed = await signer(scope, keys).sign(
    { ...partsOf(url), method: request.method, headers, body: request.body },
    { signingDate: now },
  );
  return { ...request, headers: signed.headers };
}

/** Path and query of the WebSocket that carries MQTT, signed. It holds a signature: not for logs. */
export async function signMqttPath(
  { host, port, region }: { readonly host: string; readonly port: number; readonly region: string },
  credentials: CredentialSource,
  now: Date,
): Promise<string> {
  const { sessionToken, ...keys } = await credentials();
  const url = new URL(`https://${host}:${port}/mqtt`);
  const signed = await signer({ service: MQTT_SERVICE, region }, keys).presign(
    { ...partsOf(url), method: "GET", headers: { host: url.host } },
    { expiresIn: EXPIRES_S, signingDate: now },
  );
  const query = new URLSearchParams(signed.query as Record<string, string>);
  // AWS IoT wants the session token added after signing, unlike every other service.
  if (sessionToken !== undefined) query.set("X-Amz-Security-Token", sessionToken);
  return `/mqtt?${query}`;
}

function partsOf({ protocol, hostname, pathname, searchParams }: URL) {
  return { protocol, hostname, path: pathname, query: Object.fromEntries(searchParams) };
}

/** @throws CredentialsError for keys that cannot be sent */
function signer({ service, region }: Scope, keys: Keys): SignatureV4 {
  checkKeys(keys);
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  return new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    sha256: Hash.bind(null, "sha256"),
  });
}
