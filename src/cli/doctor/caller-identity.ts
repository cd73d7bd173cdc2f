// Who the credentials stand for: one signed GetCallerIdentity, which needs no permission. Imported lazily.

import https, { type Agent } from "node:https";
import { text } from "node:stream/consumers";
import { type CredentialSource, signCallerIdentity } from "../../aws/signed-request.ts";
import { ServiceError, UnreachableError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { connectFailure } from "../../net/failures.ts";

type Env = Readonly<Record<string, string | undefined>>;

interface IdentityPlace {
  readonly host: string;
  readonly port: number;
  readonly region: string;
}

const QUERY = { Action: "GetCallerIdentity", Version: "2011-06-15" };

/** Where a region's STS is, or where AWS_ENDPOINT_URL_STS says. */
export function identityHost(region: string, env: Env): { readonly host: string; readonly port: number } {
  const given = env["AWS_ENDPOINT_URL_STS"];
  if (given !== undefined && URL.canParse(given)) {
    const { hostname, port } = new URL(given);
    return { host: hostname, port: Number(port || 443) };
  }
  return { host: `sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`, port: 443 };
}

/** ARN of the caller. @throws ServiceError, CredentialsError or UnreachableError */
export async function callerIdentity(
  place: IdentityPlace,
  credentials: CredentialSource,
  agent: Agent,
  signal: AbortSignal,
): Promise<string> {
  const headers = await signCallerIdentity(place, QUERY, credentials, new Date());
  const { status, body } = await get(place, headers, agent, signal);
  const arn = /<Arn>([^<]{1,300})<\/Arn>/.exec(body)?.[1];
  if (status === 200 && arn !== undefined) return escapeControl(arn);
  const code = /<Code>(\w{1,80})<\/Code>/.exec(body)?.[1];
  if (code === undefined) {
    throw new UnreachableError(`${place.host} does not answer like AWS STS: status ${status}`);
  }
  throw new ServiceError("ERR_CREDENTIALS", `the credentials were refused (${code})`, {
    awsCode: code,
    hint: /Expired/.test(code)
      ? "get new ones, e.g. aws sso login, and check AWS_SESSION_TOKEN"
      : "check AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
  });
}

async function get(
  { host, port }: IdentityPlace,
  headers: Record<string, string>,
  agent: Agent,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const path = `/?${new URLSearchParams(QUERY)}`;
  const request = https.get({ host, port, path, headers, agent, signal }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  request.on("error", reject);
  try {
    return await promise;
  } catch (error) {
    throw connectFailure(error, { host, port });
  }
}
