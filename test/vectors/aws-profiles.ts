// Environments, files and flags of the AWS CLI, and as whom for which region it signs.

/** One home directory and environment, and as whom a program signs there. */
export interface Row {
  readonly env?: Readonly<Record<string, string>>;
  /** Texts of ~/.aws/config and ~/.aws/credentials, and further files below the home directory. */
  readonly config?: string;
  readonly credentials?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** The last request: access key, region and session token; or that there is none. */
  readonly signed: readonly [accessKeyId: string, region: string, sessionToken?: string] | "nothing";
  /** Host of that request, where it is another than the region's usual one. */
  readonly host?: string;
  /** What is asked before, as "action by key at host". */
  readonly before?: readonly string[];
  /** What our own message says where nothing is signed. */
  readonly said?: RegExp;
  /** Only version 2 of the AWS CLI does so. */
  readonly isVersion2?: boolean;
}

export const KEYS = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
export const ENV_KEYS = { AWS_ACCESS_KEY_ID: "AKENV", AWS_SECRET_ACCESS_KEY: "secret" };

/** Two profiles and a default, each with keys and a region. */
export const CONFIG =
  "[default]\nregion = eu-north-1\n[profile a]\nregion = eu-west-1\n[profile b]\nregion = eu-west-2\n";
export const CREDENTIALS = `[default]\n${KEYS("AKDEF")}[a]\n${KEYS("AKA")}[b]\n${KEYS("AKB")}`;
export const BOTH = { config: CONFIG, credentials: CREDENTIALS };

export const ENVIRONMENT: Readonly<Record<string, Row>> = {
  "the default profile": { ...BOTH, signed: ["AKDEF", "eu-north-1"] },
  "keys of the environment": { ...BOTH, env: ENV_KEYS, signed: ["AKENV", "eu-north-1"] },
  AWS_PROFILE: { ...BOTH, env: { AWS_PROFILE: "a" }, signed: ["AKA", "eu-west-1"] },
  AWS_DEFAULT_PROFILE: { ...BOTH, env: { AWS_DEFAULT_PROFILE: "a" }, signed: ["AKA", "eu-west-1"] },
  "AWS_PROFILE before AWS_DEFAULT_PROFILE": {
    ...BOTH,
    env: { AWS_PROFILE: "a", AWS_DEFAULT_PROFILE: "b" },
    signed: ["AKA", "eu-west-1"],
    isVersion2: true,
  },
  "keys win over AWS_PROFILE, whose region counts": {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_PROFILE: "a" },
    signed: ["AKENV", "eu-west-1"],
  },
  "keys win over AWS_DEFAULT_PROFILE": {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_DEFAULT_PROFILE: "a" },
    signed: ["AKENV", "eu-west-1"],
  },
  "--profile wins over keys": {
    ...BOTH,
    env: ENV_KEYS,
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-1"],
  },
  "--profile wins over keys and AWS_PROFILE": {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_PROFILE: "b", AWS_SESSION_TOKEN: "of-env" },
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-1"],
  },
  "--profile default wins over keys": {
    ...BOTH,
    env: ENV_KEYS,
    flags: ["--profile", "default"],
    signed: ["AKDEF", "eu-north-1"],
  },
  AWS_SESSION_TOKEN: {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_SESSION_TOKEN: "of-env" },
    signed: ["AKENV", "eu-north-1", "of-env"],
  },
  "AWS_SECURITY_TOKEN, its older name, first": {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_SESSION_TOKEN: "new", AWS_SECURITY_TOKEN: "old" },
    signed: ["AKENV", "eu-north-1", "old"],
  },
  "a session token without keys is nobody's": {
    ...BOTH,
    env: { AWS_SESSION_TOKEN: "of-env" },
    signed: ["AKDEF", "eu-north-1"],
  },
  "half a pair": {
    ...BOTH,
    env: { AWS_ACCESS_KEY_ID: "AKENV" },
    signed: "nothing",
    said: /AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not/,
  },
  "the other half alone": { ...BOTH, env: { AWS_SECRET_ACCESS_KEY: "s" }, signed: ["AKDEF", "eu-north-1"] },
  "an empty access key counts as none": {
    ...BOTH,
    env: { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" },
    signed: ["AKDEF", "eu-north-1"],
  },
  "keys that have expired": {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_CREDENTIAL_EXPIRATION: "2020-01-01T00:00:00Z" },
    signed: "nothing",
    said: /have expired \(AWS_CREDENTIAL_EXPIRATION\)/,
  },
  "a profile that does not exist": {
    ...BOTH,
    env: { AWS_PROFILE: "nope" },
    signed: "nothing",
    said: /profile "nope"/,
  },
  "nor with keys beside it": {
    ...BOTH,
    env: { ...ENV_KEYS, AWS_PROFILE: "nope", AWS_REGION: "eu-west-1" },
    signed: "nothing",
    said: /no AWS credentials in profile "nope": neither .* nor .* has that profile/,
  },
  "nor by flag": { ...BOTH, flags: ["--profile", "nope"], signed: "nothing", said: /profile "nope"/ },
  "the default profile named, and not there": {
    env: { ...ENV_KEYS, AWS_PROFILE: "default", AWS_REGION: "eu-west-1" },
    signed: "nothing",
    said: /profile "default"/,
  },
  "no file at all": { env: { ...ENV_KEYS, AWS_DEFAULT_REGION: "eu-west-1" }, signed: ["AKENV", "eu-west-1"] },
  nobody: { env: { AWS_DEFAULT_REGION: "eu-west-1" }, signed: "nothing", said: /no AWS credentials found/ },
};

export const REGION: Readonly<Record<string, Row>> = {
  "AWS_DEFAULT_REGION over the profile's": {
    ...BOTH,
    env: { AWS_DEFAULT_REGION: "eu-west-3" },
    signed: ["AKDEF", "eu-west-3"],
  },
  "AWS_REGION over AWS_DEFAULT_REGION": {
    ...BOTH,
    env: { AWS_REGION: "eu-west-2", AWS_DEFAULT_REGION: "eu-west-3" },
    signed: ["AKDEF", "eu-west-2"],
    isVersion2: true,
  },
  "AWS_DEFAULT_REGION over that of --profile": {
    ...BOTH,
    env: { AWS_DEFAULT_REGION: "eu-west-3" },
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-3"],
  },
  "--region over all": {
    ...BOTH,
    env: { AWS_DEFAULT_REGION: "eu-west-3", AWS_PROFILE: "a" },
    flags: ["--region", "eu-central-1"],
    signed: ["AKA", "eu-central-1"],
  },
  "a region in the credentials file over that in the other": {
    config: "[default]\nregion = eu-west-1\n",
    credentials: `[default]\nregion = eu-west-2\n${KEYS("AKDEF")}`,
    signed: ["AKDEF", "eu-west-2"],
  },
  "the default's region is not another profile's": {
    config: "[default]\nregion = eu-west-1\n[profile a]\noutput = json\n",
    credentials: CREDENTIALS,
    env: { AWS_PROFILE: "a" },
    signed: "nothing",
    said: /no region given/,
  },
  "a profile of the credentials file alone": {
    credentials: `[only]\n${KEYS("AKONLY")}region = eu-west-3\n`,
    flags: ["--profile", "only"],
    signed: ["AKONLY", "eu-west-3"],
  },
  AWS_USE_FIPS_ENDPOINT: {
    ...BOTH,
    env: { AWS_USE_FIPS_ENDPOINT: "True" },
    flags: ["--region", "us-east-1"],
    signed: ["AKDEF", "us-east-1"],
    host: "api.tunneling.iot-fips.us-east-1.amazonaws.com",
  },
  "use_fips_endpoint of a profile, for its role too": {
    config: `${CONFIG}[profile f]\nregion = us-east-1\nuse_fips_endpoint = true\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = a\n`,
    credentials: CREDENTIALS,
    flags: ["--profile", "f"],
    before: ["AssumeRole by AKA at sts-fips.us-east-1.amazonaws.com"],
    signed: ["ROLEone", "us-east-1", "session-one"],
    host: "api.tunneling.iot-fips.us-east-1.amazonaws.com",
  },
  "the variable over the profile": {
    config: "[default]\nregion = us-east-1\nuse_fips_endpoint = true\n",
    credentials: CREDENTIALS,
    env: { AWS_USE_FIPS_ENDPOINT: "false" },
    signed: ["AKDEF", "us-east-1"],
    host: "api.tunneling.iot.us-east-1.amazonaws.com",
  },
  "a region that asks for FIPS": {
    ...BOTH,
    flags: ["--region", "fips-us-east-1"],
    signed: ["AKDEF", "us-east-1"],
    host: "api.tunneling.iot-fips.us-east-1.amazonaws.com",
  },
  "one of a profile, for its role too": {
    config: `${CONFIG}[profile f]\nregion = fips-us-east-1\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = a\n`,
    credentials: CREDENTIALS,
    env: { AWS_PROFILE: "f" },
    before: ["AssumeRole by AKA at sts-fips.us-east-1.amazonaws.com"],
    signed: ["ROLEone", "us-east-1", "session-one"],
    host: "api.tunneling.iot-fips.us-east-1.amazonaws.com",
  },
};
