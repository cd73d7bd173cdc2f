// Credentials of AWS IAM Identity Center, for the session that `aws sso login` began.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeControl } from "../../base/escape.ts";
import { jsonObject } from "../../base/json-object.ts";
import { writePrivateFile } from "../../base/private-files.ts";
import { type Carrier, send } from "../http.ts";
import { expandPath, type Section } from "../shared-files.ts";
import type { SharedSettings } from "../shared-settings.ts";
import { inProfile, type Keys, unusable } from "./keys.ts";

/** Where the two services of Identity Center are, by the session's region. */
export interface SsoPlaces {
  readonly portal: (region: string) => URL;
  readonly oidc: (region: string) => URL;
}

/** Before this much is left of a session it is renewed, where that can be done without a browser. */
const RENEW_BEFORE_MS = 15 * 60_000;

const REQUIRED = ["sso_role_name", "sso_account_id", "sso_start_url", "sso_region"] as const;

/** Absent when the profile is none of Identity Center. @throws CredentialsError, UnreachableError */
export async function ssoKeys(
  profile: string,
  settings: SharedSettings,
  places: SsoPlaces,
  carrier: Carrier,
): Promise<Keys | undefined> {
  const section = settings.files.profiles.get(profile);
  if (section === undefined || !(section.has("sso_role_name") || section.has("sso_account_id"))) {
    return undefined;
  }
  const facts = withSession(profile, section, settings.files.ssoSessions);
  const missing = REQUIRED.filter((name) => !facts.has(name));
  if (missing.length > 0) throw unusable(`${inProfile(profile)} lacks ${missing.join(", ")}`);
  const value = (name: (typeof REQUIRED)[number]) => facts.get(name) ?? "";
  const region = value("sso_region");
  const session = facts.get("sso_session");
  const token = await sessionToken(
    profile,
    session ?? value("sso_start_url"),
    places.oidc(region),
    settings,
    carrier,
  );
  const url = places.portal(region);
  url.pathname = "/federation/credentials";
  url.search = new URLSearchParams({
    role_name: value("sso_role_name"),
    account_id: value("sso_account_id"),
  }).toString();
  const answer = await send(url, { method: "GET", headers: { "x-amz-sso_bearer_token": token } }, carrier);
  return readRoleKeys(answer.status, answer.body, profile, url.host);
}

/** The profile's values with those of its session; the two must not contradict each other. */
function withSession(
  profile: string,
  section: Section,
  sessions: ReadonlyMap<string, Section>,
): ReadonlyMap<string, string> {
  const name = section.get("sso_session");
  if (name === undefined) return section;
  const session = sessions.get(name);
  const shown = `"${escapeControl(name, 100)}"`;
  if (session === undefined) {
    throw unusable(`${inProfile(profile)} names sso-session ${shown}, which does not exist`, {
      hint: `add [sso-session ${escapeControl(name, 100)}] with aws configure sso-session, or correct sso_session`,
    });
  }
  const conflict = [...session].find(([key, value]) => (section.get(key) ?? value) !== value);
  if (conflict !== undefined) {
    throw unusable(`${inProfile(profile)} and sso-session ${shown} have different values of ${conflict[0]}`);
  }
  return new Map([...section, ...session]);
}

interface CachedSession {
  readonly accessToken: string;
  readonly expiresAt: Date;
  /** All that the file holds, to be kept when it is renewed. */
  readonly rest: Readonly<Record<string, unknown>>;
}

async function sessionToken(
  profile: string,
  key: string,
  oidc: URL,
  { env }: SharedSettings,
  carrier: Carrier,
): Promise<string> {
  const name = `${createHash("sha1").update(key).digest("hex")}.json`;
  const path = join(expandPath("~/.aws/sso/cache", env), name);
  const cached = readSession(path);
  const left = cached === undefined ? 0 : cached.expiresAt.getTime() - Date.now();
  if (cached !== undefined && left > RENEW_BEFORE_MS) return cached.accessToken;
  const renewed = cached === undefined ? undefined : await renew(cached, path, oidc, carrier);
  if (renewed !== undefined) return renewed;
  if (cached !== undefined && left > 0) return cached.accessToken;
  const why = cached === undefined ? "has not been started" : "has expired";
  throw unusable(`the Identity Center session of ${inProfile(profile)} ${why}`, { hint: loginFor(profile) });
}

function loginFor(profile: string): string {
  return profile === "default" ? "aws sso login" : `aws sso login --profile ${escapeControl(profile, 100)}`;
}

function readSession(path: string): CachedSession | undefined {
  const rest = jsonObject(readText(path));
  const { accessToken, expiresAt } = rest ?? {};
  if (rest === undefined || typeof accessToken !== "string" || typeof expiresAt !== "string") {
    return undefined;
  }
  const until = new Date(expiresAt.replace(/UTC$/, "Z"));
  return Number.isNaN(until.getTime()) ? undefined : { accessToken, expiresAt: until, rest };
}

/** Empty where there is none to read. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** A new token where the session has what that takes; a refusal leaves the old one to be judged by its age. */
async function renew(
  { rest }: CachedSession,
  path: string,
  oidc: URL,
  carrier: Carrier,
): Promise<string | undefined> {
  const { clientId, clientSecret, refreshToken } = rest;
  if (![clientId, clientSecret, refreshToken].every((text) => typeof text === "string")) return undefined;
  oidc.pathname = "/token";
  const body = JSON.stringify({ grantType: "refresh_token", clientId, clientSecret, refreshToken });
  const headers = { "content-type": "application/json" };
  const answer = await send(oidc, { method: "POST", headers, body }, carrier);
  const fresh = jsonObject(answer.body);
  const { accessToken, expiresIn } = fresh ?? {};
  if (answer.status !== 200 || typeof accessToken !== "string" || typeof expiresIn !== "number") {
    return undefined;
  }
  const expiresAt = new Date(Date.now() + expiresIn * 1_000).toISOString().replace(/\.\d+Z$/, "Z");
  const kept = { ...rest, accessToken, expiresAt, refreshToken: fresh?.["refreshToken"] ?? refreshToken };
  try {
    writePrivateFile(path, JSON.stringify(kept));
  } catch {
    // The token works all the same, until this session is renewed by the AWS CLI.
  }
  return accessToken;
}

function readRoleKeys(status: number, body: string, profile: string, host: string): Keys {
  const answer = jsonObject(body);
  const role = (answer?.["roleCredentials"] ?? {}) as Record<string, unknown>;
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = role;
  if (status === 200 && typeof accessKeyId === "string" && typeof secretAccessKey === "string") {
    return {
      accessKeyId,
      secretAccessKey,
      sessionToken: typeof sessionToken === "string" ? sessionToken : undefined,
      expiration: typeof expiration === "number" ? new Date(expiration) : undefined,
    };
  }
  const reason = escapeControl(String(answer?.["message"] ?? `status ${status}`));
  throw unusable(`${host} gives none for ${inProfile(profile)}: ${reason}`, { hint: loginFor(profile) });
}
