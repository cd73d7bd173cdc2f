// Signature version 4 for what the agent asks of AWS IoT Core besides MQTT itself, with the AWS SDK's own signer and
// credential chain. Imported lazily.

import type { Agent } from "node:https";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { Hash } from "@smithy/hash-node";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import { CredentialsError } from "../base/errors.ts";

/** Signing name of MQTT over WebSocket. */
const MQTT_SERVICE = "iotdevicegateway";
/** Signing name of AWS IoT's control plane. */
const IOT_SERVICE = "iot";
/** Signing name of AWS STS. */
const STS_SERVICE = "sts";
/** How long a signed address may be used; it is used at once. */
const EXPIRES_S = 300;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Credentials, fetched anew when they expire. */
export type CredentialSource = () => Promise<Keys>;

/** The usual AWS chain. Its own HTTPS calls go through `agent`. @throws CredentialsError when called in vain */
export function awsCredentials(profile: string | undefined, agent: Agent): CredentialSource {
  const provider = defaultProvider({
    ...(profile !== undefined && { profile }),
    clientConfig: { requestHandler: { httpsAgent: agent } },
  });
  return async () => {
    try {
      return await provider();
    } catch (cause) {
      throw new CredentialsError(
        `no AWS credentials: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          hint: "give the device's certificate with --cert and --key, or set up AWS credentials",
          cause,
        },
      );
    }
  };
}

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
