// Signature version 4 for what is asked of AWS besides the control plane's operations, with the AWS SDK's own signer.
// Imported lazily.

import { Hash } from "@smithy/hash-node";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import type { CredentialSource, Keys } from "./credentials/keys.ts";

/** Signing name of MQTT over WebSocket. */
const MQTT_SERVICE = "iotdevicegateway";
/** Signing name of AWS IoT's control plane. */
const IOT_SERVICE = "iot";
/** Signing name of AWS STS. */
const STS_SERVICE = "sts";
/** How long a signed address may be used; it is used at once. */
const EXPIRES_S = 300;

interface Place {
  readonly host: string;
  readonly port: number;
  readonly region: string;
}

/** Path and query of the WebSocket that carries MQTT, signed. It holds a signature: not for logs. */
export async function signMqttPath(place: Place, credentials: CredentialSource, now: Date): Promise<string> {
  const { sessionToken, ...keys } = await credentials();
  const request = new HttpRequest({ method: "GET", path: "/mqtt", headers: { host: hostHeader(place) } });
  const signed = await signer(MQTT_SERVICE, place.region, keys).presign(request, {
    expiresIn: EXPIRES_S,
    signingDate: now,
  });
  const query = new URLSearchParams(signed.query as Record<string, string>);
  // AWS IoT wants the session token added after signing, unlike every other service.
  if (sessionToken !== undefined) query.set("X-Amz-Security-Token", sessionToken);
  return `/mqtt?${query}`;
}

/** Headers of the DescribeEndpoint call, signed. */
export function signDescribeEndpoint(...call: CallWords): Promise<Record<string, string>> {
  return signGet(IOT_SERVICE, "/endpoint", ...call);
}

/** Headers of the GetCallerIdentity call, signed. */
export function signCallerIdentity(...call: CallWords): Promise<Record<string, string>> {
  return signGet(STS_SERVICE, "/", ...call);
}

/** Headers of a form that is posted to AWS STS, signed; `headers` are those it has already. */
export async function signForm(
  { url, region }: { readonly url: URL; readonly region: string },
  headers: Readonly<Record<string, string>>,
  body: string,
  keys: Keys,
): Promise<Record<string, string>> {
  const request = new HttpRequest({
    method: "POST",
    path: "/",
    headers: { ...headers, host: url.host },
    body,
  });
  const signed = await signer(STS_SERVICE, region, keys).sign(request, { signingDate: new Date() });
  return signed.headers;
}

/** Where a GET goes, with which query, by whom and when. */
type CallWords = [
  place: Place,
  query: Readonly<Record<string, string>>,
  credentials: CredentialSource,
  now: Date,
];

async function signGet(
  service: string,
  path: string,
  ...[place, query, credentials, now]: CallWords
): Promise<Record<string, string>> {
  const headers = { host: hostHeader(place) };
  const request = new HttpRequest({ method: "GET", path, query: { ...query }, headers });
  const signed = await signer(service, place.region, await credentials()).sign(request, { signingDate: now });
  return signed.headers;
}

function signer(
  service: string,
  region: string,
  { accessKeyId, secretAccessKey, sessionToken }: Keys,
): SignatureV4 {
  return new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    sha256: Hash.bind(null, "sha256"),
  });
}

/** As the WebSocket library and node write it: without the port that HTTPS has anyway. */
function hostHeader({ host, port }: Place): string {
  return port === 443 ? host : `${host}:${port}`;
}
