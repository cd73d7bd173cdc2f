// Who the credentials stand for: one signed GetCallerIdentity, which needs no permission. Imported lazily.

import type { Agent } from "node:https";
import type { CredentialSource } from "../../aws/credentials/keys.ts";
import { send } from "../../aws/http.ts";
import { signCallerIdentity } from "../../aws/signed-request.ts";
import { ServiceError, UnreachableError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";

/** An AWS STS, and the region that its signatures are made for. */
export interface IdentityPlace {
  readonly url: URL;
  readonly region: string;
}

const QUERY = { Action: "GetCallerIdentity", Version: "2011-06-15" };

/** ARN of the caller. @throws ServiceError, CredentialsError or UnreachableError */
export async function callerIdentity(
  place: IdentityPlace,
  credentials: CredentialSource,
  agent: Agent,
  signal: AbortSignal,
): Promise<string> {
  const { region, url } = place;
  // The port of its own scheme is not in the Host header, which is signed.
  const host = { host: url.hostname, port: Number(url.port || 443), region };
  const headers = await signCallerIdentity(host, QUERY, credentials, new Date());
  const query = new URL(`/?${new URLSearchParams(QUERY)}`, url);
  const { status, body } = await send(query, { method: "GET", headers }, { agent, signal });
  const arn = /<Arn>([^<]{1,300})<\/Arn>/.exec(body)?.[1];
  if (status === 200 && arn !== undefined) return escapeControl(arn);
  const code = /<Code>(\w{1,80})<\/Code>/.exec(body)?.[1];
  if (code === undefined) {
    throw new UnreachableError(`${url.host} does not answer like AWS STS: status ${status}`);
  }
  throw new ServiceError("ERR_CREDENTIALS", `the credentials were refused (${code})`, {
    awsCode: code,
    hint: /Expired/.test(code)
      ? "get new ones, e.g. aws sso login, and check AWS_SESSION_TOKEN"
      : "check AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
  });
}
