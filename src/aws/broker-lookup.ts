// The MQTT endpoint of an account, from AWS IoT's own DescribeEndpoint: one signed GET. Imported lazily.

import { ServiceError, UnreachableError } from "../base/errors.ts";
import { escapeControl } from "../base/escape.ts";
import { jsonObject } from "../base/json-object.ts";
import type { CredentialSource } from "./credentials/keys.ts";
import type { AwsPlace } from "./endpoints.ts";
import type { Carrier, PlainAnswer } from "./http.ts";
import { sendSigned } from "./signed-request.ts";

/** The endpoint whose certificate every current root store knows. */
const PATH = "/endpoint?endpointType=iot%3AData-ATS";

/** Host of the account's broker in a region, by its AWS IoT. @throws ServiceError, CredentialsError or UnreachableError */
export async function lookUpBroker(
  { url, region }: AwsPlace,
  credentials: CredentialSource,
  carrier: Carrier,
): Promise<string> {
  const get = { method: "GET", headers: {} } as const;
  const scope = { service: "iot", region };
  const answer = await sendSigned(new URL(PATH, url), get, scope, await credentials(), carrier);
  return brokerIn(answer, region);
}

/** Exported for its test. */
export function brokerIn({ status, body }: Pick<PlainAnswer, "status" | "body">, region: string): string {
  const answer = jsonObject(body) ?? {};
  const address = answer["endpointAddress"];
  if (status === 200 && typeof address === "string" && /^[a-z0-9][a-z0-9.-]{0,252}$/i.test(address)) {
    return address;
  }
  const message = escapeControl(String(answer["message"] ?? body), 200);
  if (status === 403) {
    throw new ServiceError("ERR_DENIED", `the MQTT endpoint cannot be looked up: ${message}`, {
      awsCode: "AccessDenied",
      hint: "allow iot:DescribeEndpoint, or name it: --mqtt-endpoint HOST",
    });
  }
  throw new UnreachableError(
    `looking up the MQTT endpoint of ${region} failed with status ${status}: ${message}`,
    { hint: "name it yourself: --mqtt-endpoint HOST" },
  );
}
