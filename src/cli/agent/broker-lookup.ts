// The MQTT endpoint of an account, from AWS IoT's own DescribeEndpoint: one signed GET, without the client of a whole
// further service.

import https from "node:https";
import { text } from "node:stream/consumers";
import type { CredentialSource } from "../../aws/credentials/keys.ts";
import { hostOf, type Variant } from "../../aws/endpoints.ts";
import { signDescribeEndpoint } from "../../aws/signed-request.ts";
import type { Env } from "../../base/env.ts";
import { ServiceError, UnreachableError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { connectFailure } from "../../net/failures.ts";
import { RoutingAgent } from "../../net/routing-agent.ts";

/** The endpoint whose certificate every current root store knows. */
const QUERY = { endpointType: "iot:Data-ATS" };
const TIMEOUT_MS = 15_000;
const PORT = 443;

/** Host of the account's broker in a region. @throws ServiceError, CredentialsError or UnreachableError */
export async function lookUpBroker(
  region: string,
  variant: Variant,
  credentials: CredentialSource,
  ca: readonly string[],
  env: Env,
  signal: AbortSignal,
): Promise<string> {
  const host = hostOf("iot", region, variant);
  const headers = await signDescribeEndpoint({ host, port: PORT, region }, QUERY, credentials, new Date());
  const agent = new RoutingAgent(ca, env);
  try {
    const { status, body } = await get(host, headers, agent, signal);
    return readAnswer(status, body, region);
  } finally {
    agent.destroy();
  }
}

async function get(host: string, headers: Record<string, string>, agent: RoutingAgent, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const path = `/endpoint?${new URLSearchParams(QUERY)}`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const request = https.get({ host, port: PORT, path, headers, agent, signal: limit }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  request.on("error", reject);
  try {
    return await promise;
  } catch (error) {
    throw connectFailure(error, { host, port: PORT });
  }
}

/** Exported for its test. */
export function readAnswer(status: number, body: string, region: string): string {
  const answer = parse(body);
  const address = answer["endpointAddress"];
  if (status === 200 && typeof address === "string" && /^[a-z0-9][a-z0-9.-]{0,252}$/i.test(address)) {
    return address;
  }
  const message = String(answer["message"] ?? escapeControl(body, 200));
  if (status === 403) {
    throw new ServiceError("ERR_DENIED", `the MQTT endpoint cannot be looked up: ${message}`, {
      awsCode: "AccessDenied",
      hint: "allow iot:DescribeEndpoint, or name it: --mqtt-endpoint HOST",
    });
  }
  throw new UnreachableError(
    `looking up the MQTT endpoint of ${region} failed with status ${status}: ${message}`,
    {
      hint: "name it yourself: --mqtt-endpoint HOST",
    },
  );
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
