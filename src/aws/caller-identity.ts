// Who the credentials stand for: one signed GetCallerIdentity, which needs no permission. Imported lazily.

import { ServiceError, UnreachableError } from "../base/errors.ts";
import { escapeControl } from "../base/escape.ts";
import { credentialsHint } from "./call-failure.ts";
import type { CredentialSource } from "./credentials/keys.ts";
import type { AwsPlace } from "./endpoints.ts";
import type { Carrier } from "./http.ts";
import { sendSigned } from "./signed-request.ts";

const QUERY = new URLSearchParams({ Action: "GetCallerIdentity", Version: "2011-06-15" });

/** ARN of the caller, by an AWS STS. @throws ServiceError, CredentialsError or UnreachableError */
export async function callerIdentity(
  { url, region }: AwsPlace,
  credentials: CredentialSource,
  carrier: Carrier,
): Promise<string> {
  const query = new URL(`/?${QUERY}`, url);
  const get = { method: "GET", headers: {} } as const;
  const { status, body } = await sendSigned(
    query,
    get,
    { service: "sts", region },
    await credentials(),
    carrier,
  );
  const arn = /<Arn>([^<]{1,300})<\/Arn>/.exec(body)?.[1];
  if (status === 200 && arn !== undefined) return escapeControl(arn);
  const code = /<Code>(\w{1,80})<\/Code>/.exec(body)?.[1];
  if (code === undefined) {
    throw new UnreachableError(`${url.host} does not answer like AWS STS: status ${status}`);
  }
  throw new ServiceError("ERR_CREDENTIALS", `the credentials were refused (${code})`, {
    awsCode: code,
    hint: credentialsHint(code),
  });
}
