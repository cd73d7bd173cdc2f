// What a profile in the files of the AWS CLI says beside credentials: region, kind of host, endpoints.

import { ConfigError, CredentialsError, type ErrorDetails, type TunnelError } from "../base/errors.ts";
import { escapeControl } from "../base/escape.ts";
import { isRegion } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import { type AwsService, hostOf, type Variant } from "./endpoints.ts";
import { parseNested } from "./ini.ts";
import { noSuchRegion } from "./regions.ts";
import { type Env, readSharedFiles, type Section, type SharedFiles } from "./shared-files.ts";

/** Which profile is meant. */
export interface ProfileChoice {
  /** Absent: the profile "default", which need not be there. */
  readonly name: string | undefined;
  /** By the command line itself: then keys in the environment do not count. */
  readonly isExplicit: boolean;
}

/** Names of services in the variables and sections that set their endpoints. */
const SERVICE_IDS: Readonly<Record<Exclude<AwsService, "dataPlane">, string>> = {
  controlPlane: "iotsecuretunneling",
  iot: "iot",
  sts: "sts",
  sso: "sso",
  ssoOidc: "sso_oidc",
};

/** Settings of one profile. The files are read when something is first asked, so that what needs none never fails on them. */
export class SharedSettings {
  readonly choice: ProfileChoice;
  readonly env: Env;
  #files: SharedFiles | undefined;

  constructor(choice: ProfileChoice, env: Env) {
    this.choice = choice;
    this.env = env;
  }

  /** Two settings of the same account have the same facts, without reading a file or asking AWS. */
  get accountFacts(): readonly (string | undefined)[] {
    const { name, isExplicit } = this.choice;
    const key = isExplicit ? undefined : this.env["AWS_ACCESS_KEY_ID"] || undefined;
    if (key !== undefined) return [key];
    const files = [this.env["AWS_CONFIG_FILE"], this.env["AWS_SHARED_CREDENTIALS_FILE"]];
    return [undefined, name, ...files, ...(isExplicit ? [] : [this.env["AWS_ROLE_ARN"]])];
  }

  /** @throws ConfigError for a file that is not well-formed */
  get files(): SharedFiles {
    this.#files ??= readSharedFiles(this.env);
    return this.#files;
  }

  /** Values of the profile in use; none when it is not there. @throws ConfigError for a file that is not well-formed */
  get section(): Section {
    return this.files.profiles.get(this.choice.name ?? "default") ?? new Map();
  }

  /** The region of the profile. @throws ConfigError when there is none or no such one, naming a profile that is not there */
  region(): string {
    const region = this.section.get("region");
    if (region !== undefined && region !== "") return this.#checked(region);
    throw (
      this.missingProfile("no region given") ??
      new ConfigError("no region given", { hint: "add --region eu-west-1, or set AWS_REGION" })
    );
  }

  #checked(region: string): string {
    if (isRegion(region.replace(/^fips-|-fips$/, ""))) return region;
    if (!/\s[#;]/.test(region)) throw noSuchRegion(region);
    throw new ConfigError(
      `the region of profile "${escapeControl(this.choice.name ?? "default", 100)}" is "${escapeControl(region, 100)}"`,
      { hint: "in the files of the AWS CLI a comment needs a line of its own" },
    );
  }

  /** The failure to report when the profile that is named is in neither file. */
  missingProfile(what: "no region given" | "no AWS credentials"): TunnelError | undefined {
    const { name } = this.choice;
    const { profiles, configPath, credentialsPath, unreadable } = this.files;
    if (name === undefined || profiles.has(name)) return undefined;
    const shown = `"${escapeControl(name, 100)}"`;
    const places = `neither "${configPath}" nor "${credentialsPath}" has that profile`;
    const why = unreadable.length === 0 ? places : `cannot read ${unreadable.join(" and ")}`;
    const near = nearest(name, [...profiles.keys()], 0);
    const hint =
      near === undefined
        ? "aws configure list-profiles shows those there are"
        : `did you mean "${escapeControl(near, 100)}"?`;
    const details: ErrorDetails = { hint };
    return what === "no region given"
      ? new ConfigError(`${what}, and none in profile ${shown}: ${places}`, details)
      : new CredentialsError(`${what} in profile ${shown}: ${why}`, details);
  }

  /** The kind of host that is wanted. */
  variant(): Variant {
    const isOn = (variable: string, key: string) =>
      (this.env[variable] || this.section.get(key) || "").toLowerCase() === "true";
    return {
      fips: isOn("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
      dualStack: isOn("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
    };
  }

  /** Where a service is: as variable or profile say, else in its region. @throws ConfigError for what is no URL, or no region */
  urlOf(service: keyof typeof SERVICE_IDS, region: string, variant: Variant): URL {
    return new URL(this.endpointUrl(service) ?? `https://${hostOf(service, region, variant)}`);
  }

  /** URL set for a service by variable or profile, the more special ones first. @throws ConfigError for what is no URL */
  endpointUrl(service: keyof typeof SERVICE_IDS): string | undefined {
    if (ignoresEndpointUrls(this.env, this.section)) return undefined;
    const id = SERVICE_IDS[service];
    const block = this.files.services.get(this.section.get("services") ?? "")?.get(id);
    const places: readonly (readonly [name: string, url: string | undefined])[] = [
      [`AWS_ENDPOINT_URL_${id.toUpperCase()}`, this.env[`AWS_ENDPOINT_URL_${id.toUpperCase()}`]],
      ["AWS_ENDPOINT_URL", this.env["AWS_ENDPOINT_URL"]],
      [`endpoint_url of ${id}`, block === undefined ? undefined : parseNested(block).get("endpoint_url")],
      ["endpoint_url", this.section.get("endpoint_url")],
    ];
    const [name, url] = places.find(([, text]) => (text ?? "") !== "") ?? [];
    if (url !== undefined && !(URL.canParse(url) && /^https?:/i.test(url))) {
      throw new ConfigError(`${name} is no URL such as https://localhost:8443`);
    }
    return url;
  }
}

/** Whether variables and profiles that name endpoints are to be passed over. */
export function ignoresEndpointUrls(env: Env, section?: Section): boolean {
  const text =
    env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] || section?.get("ignore_configured_endpoint_urls") || "";
  return text.toLowerCase() === "true";
}
