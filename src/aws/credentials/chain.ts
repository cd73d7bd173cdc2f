// Where credentials come from: the places of the AWS CLI, in its order. The first place that is set up counts, and if
// it fails nothing else is tried: a tunnel in another account would be worse than none.

import { readFileSync } from "node:fs";
import { CredentialsError } from "../../base/errors.ts";
import { systemReason } from "../../base/system-reason.ts";
import type { AwsPlace, Variant } from "../endpoints.ts";
import type { Carrier } from "../http.ts";
import type { SharedSettings } from "../shared-settings.ts";
import { containerKeys } from "./container.ts";
import { environmentKeys } from "./environment.ts";
import { instanceKeys } from "./instance.ts";
import { type CredentialSource, inProfile, type Keys, staticKeys, unusable } from "./keys.ts";
import { processKeys } from "./process.ts";
import { type SsoPlaces, ssoKeys } from "./sso.ts";
import { assumeRole, assumeRoleWithWebIdentity } from "./sts.ts";

/** Keys are fetched anew when less than this is left of them. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** Which hosts of AWS STS and Identity Center are asked. Both are called when they are needed, and may throw ConfigError. */
export interface HostChoice {
  /** Region of AWS STS. */
  readonly region: () => string;
  readonly variant: () => Variant;
}

/** Credentials by profile and environment. */
export function awsCredentials(
  settings: SharedSettings,
  hosts: HostChoice,
  carrier: Carrier,
): CredentialSource {
  const chain = new Chain(settings, hosts, carrier);
  let found: Promise<Keys> | undefined;
  return async () => {
    const before = found;
    const known = await before?.catch(() => undefined);
    const left = (known?.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
    // Of many that wait for the same answer only the first one looks again.
    const isWorthless = known === undefined || left < RENEW_BEFORE_MS;
    if (found === before && isWorthless) found = chain.find();
    return found as Promise<Keys>;
  };
}

class Chain {
  readonly #settings: SharedSettings;
  readonly #hosts: HostChoice;
  readonly #carrier: Carrier;

  constructor(settings: SharedSettings, hosts: HostChoice, carrier: Carrier) {
    this.#settings = settings;
    this.#hosts = hosts;
    this.#carrier = carrier;
  }

  async find(): Promise<Keys> {
    const { choice, env } = this.#settings;
    const missing = this.#settings.missingProfile("no AWS credentials");
    if (missing !== undefined) throw missing;
    const profile = choice.name ?? "default";
    const keys =
      (choice.isExplicit ? undefined : environmentKeys(env)) ??
      (await this.#ofRole(profile, [profile])) ??
      (await this.#ofProfile(profile, choice.isExplicit)) ??
      (await containerKeys(env, this.#carrier)) ??
      (await instanceKeys(this.#settings, this.#carrier));
    if (keys !== undefined) return keys;
    const where = choice.name === undefined ? "" : ` in ${inProfile(choice.name)}`;
    const { unreadable } = this.#settings.files;
    const why = unreadable.length === 0 ? "" : `; cannot read ${unreadable.join(" and ")}`;
    throw new CredentialsError(`no AWS credentials found${where}${why}`, {
      hint: "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; --local with tunnel serve-local needs none",
    });
  }

  /** Of a profile that assumes a role with the credentials of another one or of the machine. */
  async #ofRole(profile: string, visited: readonly string[]): Promise<Keys | undefined> {
    const section = this.#settings.files.profiles.get(profile);
    const roleArn = section?.get("role_arn");
    if (section === undefined || roleArn === undefined || section.has("web_identity_token_file")) {
      return undefined;
    }
    const source = await this.#sourceOf(profile, visited);
    if (section.has("mfa_serial")) {
      throw unusable(`${inProfile(profile)} asks for an MFA code (mfa_serial), which is not asked for here`, {
        hint: "give the keys that the AWS CLI gets: aws configure export-credentials --format env",
      });
    }
    const duration = section.get("duration_seconds");
    const role = {
      roleArn,
      sessionName: section.get("role_session_name"),
      externalId: section.get("external_id"),
      durationS: duration !== undefined && /^\d{1,6}$/.test(duration) ? Number(duration) : undefined,
    };
    return assumeRole(role, source, this.#sts(), this.#carrier);
  }

  async #sourceOf(profile: string, visited: readonly string[]): Promise<Keys> {
    const section = this.#settings.files.profiles.get(profile);
    const [other, kind] = [section?.get("source_profile"), section?.get("credential_source")];
    if (other !== undefined && kind !== undefined) {
      throw unusable(`${inProfile(profile)} has both source_profile and credential_source`);
    }
    if (kind !== undefined) return this.#ofMachine(kind, profile);
    if (other === undefined) {
      throw unusable(`${inProfile(profile)} has neither source_profile nor credential_source`);
    }
    const source = this.#settings.files.profiles.get(other);
    if (source === undefined) {
      throw unusable(`the source_profile "${other}" of ${inProfile(profile)} does not exist`);
    }
    const isStatic = source.has("aws_access_key_id") || source.has("aws_secret_access_key");
    if (visited.includes(other) && !(other === profile && isStatic)) {
      throw unusable(`${[...visited, other].map(inProfile).join(" takes from ")}: a circle`);
    }
    const keys =
      (isStatic ? undefined : await this.#ofRole(other, [...visited, other])) ??
      (await this.#ofProfile(other, true));
    if (keys === undefined) throw unusable(`the source_profile "${other}" of ${inProfile(profile)} has none`);
    return keys;
  }

  async #ofMachine(kind: string, profile: string): Promise<Keys> {
    const { env } = this.#settings;
    const sources: Readonly<Record<string, () => Keys | undefined | Promise<Keys | undefined>>> = {
      Environment: () => environmentKeys(env),
      EcsContainer: () => containerKeys(env, this.#carrier),
      Ec2InstanceMetadata: () => instanceKeys(this.#settings, this.#carrier),
    };
    const source = Object.hasOwn(sources, kind) ? sources[kind] : undefined;
    if (source === undefined) {
      const names = Object.keys(sources).join(", ");
      throw unusable(`credential_source "${kind}" of ${inProfile(profile)} is none of ${names}`);
    }
    const keys = await source();
    if (keys === undefined) throw unusable(`credential_source ${kind} of ${inProfile(profile)} has none`);
    return keys;
  }

  /** Of what else a profile may name. Without a profile of the command line's, the environment may name a role too. */
  async #ofProfile(profile: string, isAlone: boolean): Promise<Keys | undefined> {
    const { profiles, credentials, config, credentialsPath, configPath } = this.#settings.files;
    const command = profiles.get(profile)?.get("credential_process");
    return (
      (await this.#ofWebIdentity(profile, isAlone)) ??
      (await ssoKeys(profile, this.#settings, this.#ssoPlaces(), this.#carrier)) ??
      staticKeys(credentials.get(profile), `${inProfile(profile)} of "${credentialsPath}"`) ??
      (command === undefined ? undefined : await processKeys(command, profile, this.#carrier.signal)) ??
      staticKeys(config.get(profile), `${inProfile(profile)} of "${configPath}"`)
    );
  }

  async #ofWebIdentity(profile: string, isAlone: boolean): Promise<Keys | undefined> {
    const { env, files } = this.#settings;
    const value = (variable: string, key: string) =>
      (isAlone ? undefined : env[variable]) ?? files.profiles.get(profile)?.get(key);
    const path = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    if (!path) return undefined;
    const roleArn = value("AWS_ROLE_ARN", "role_arn");
    if (!roleArn) throw unusable("web_identity_token_file is set without role_arn (AWS_ROLE_ARN)");
    const sessionName = value("AWS_ROLE_SESSION_NAME", "role_session_name");
    const role = { roleArn, sessionName, token: readToken(path) };
    return assumeRoleWithWebIdentity(role, this.#sts(), this.#carrier);
  }

  #sts(): AwsPlace {
    const region = this.#hosts.region();
    return { url: this.#settings.urlOf("sts", region, this.#hosts.variant()), region };
  }

  #ssoPlaces(): SsoPlaces {
    const place = (service: "sso" | "ssoOidc") => (region: string) =>
      this.#settings.urlOf(service, region, this.#hosts.variant());
    return { portal: place("sso"), oidc: place("ssoOidc") };
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = systemReason(cause);
    throw unusable(`cannot read the token in "${path}" (web_identity_token_file): ${reason}`, { cause });
  }
}
