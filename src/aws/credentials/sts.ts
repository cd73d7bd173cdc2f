// Credentials of a role, from AWS STS.

import { escapeControl } from "../../base/escape.ts";
import type { AwsPlace } from "../endpoints.ts";
import { type Carrier, send } from "../http.ts";
import { sendSigned } from "../signed-request.ts";
import { expirationOf, type Keys, unusable } from "./keys.ts";

const VERSION = "2011-06-15";

/** What every role is assumed with. */
export interface RoleRequest {
  readonly roleArn: string;
  readonly sessionName: string | undefined;
}

/** @throws CredentialsError when the role is refused, UnreachableError */
export function assumeRole(
  role: RoleRequest & { readonly externalId: string | undefined; readonly durationS: number | undefined },
  source: Keys,
  place: AwsPlace,
  carrier: Carrier,
): Promise<Keys> {
  const form = formOf("AssumeRole", role, {
    ExternalId: role.externalId,
    DurationSeconds: role.durationS === undefined ? undefined : String(role.durationS),
  });
  return ask(role.roleArn, form, place, carrier, source);
}

/** The token stands for the caller, so nothing is signed. @throws CredentialsError when the role is refused, UnreachableError */
export function assumeRoleWithWebIdentity(
  role: RoleRequest & { readonly token: string },
  place: AwsPlace,
  carrier: Carrier,
): Promise<Keys> {
  const form = formOf("AssumeRoleWithWebIdentity", role, { WebIdentityToken: role.token });
  return ask(role.roleArn, form, place, carrier, undefined);
}

function formOf(
  action: string,
  { roleArn, sessionName }: RoleRequest,
  more: Readonly<Record<string, string | undefined>>,
): string {
  const all = {
    Action: action,
    Version: VERSION,
    RoleArn: roleArn,
    RoleSessionName: sessionName || `tunnel-${Math.floor(Date.now() / 1_000)}`,
    ...more,
  };
  return new URLSearchParams(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();
}

async function ask(
  roleArn: string,
  body: string,
  { url, region }: AwsPlace,
  carrier: Carrier,
  source: Keys | undefined,
): Promise<Keys> {
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  const post = { method: "POST", headers, body } as const;
  const answer =
    source === undefined
      ? await send(url, post, carrier)
      : await sendSigned(url, post, { service: "sts", region }, source, carrier);
  const keys = answer.status === 200 ? readKeys(answer.body) : undefined;
  if (keys !== undefined) return keys;
  const said = [field(answer.body, "Code") ?? `status ${answer.status}`, field(answer.body, "Message")];
  const reason = escapeControl(said.filter((text) => text !== undefined).join(": "));
  throw unusable(`role "${escapeControl(roleArn, 200)}" was refused by ${url.host}: ${reason}`, {
    hint: "its trust policy must name the identity that assumes it: aws sts get-caller-identity",
  });
}

function readKeys(xml: string): Keys | undefined {
  const [accessKeyId, secretAccessKey, sessionToken, until] = [
    "AccessKeyId",
    "SecretAccessKey",
    "SessionToken",
    "Expiration",
  ].map((name) => field(xml, name));
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration: expirationOf(until) };
}

/** Text of the first element of this name. */
function field(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]{1,8192})</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => ENTITIES[entity] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
