// Profiles whose credentials come from elsewhere: roles, programs, containers.

import { BOTH, CONFIG, CREDENTIALS, ENV_KEYS, KEYS, type Row } from "./aws-profiles.ts";

const PROCESS = `printf '%s' '{"Version":1,"AccessKeyId":"AKPROC","SecretAccessKey":"s","SessionToken":"t"}'`;
const ROLE = "arn:aws:iam::123456789012:role";
export const ROLES: Readonly<Record<string, Row>> = {
  "a role with the keys of another profile": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = a\nregion = eu-west-3\n`,
    credentials: CREDENTIALS,
    flags: ["--profile", "r"],
    before: ["AssumeRole by AKA at sts.eu-west-3.amazonaws.com"],
    signed: ["ROLEone", "eu-west-3", "session-one"],
  },
  "its external id and duration": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = a\nregion = eu-west-1\nexternal_id = ext\nduration_seconds = 900\n`,
    credentials: CREDENTIALS,
    env: { AWS_PROFILE: "r" },
    before: ["AssumeRole by AKA at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEoneext900", "eu-west-1", "session-one"],
  },
  "STS of the region of --region": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = a\nregion = eu-west-1\n`,
    credentials: CREDENTIALS,
    flags: ["--profile", "r", "--region", "eu-central-1"],
    before: ["AssumeRole by AKA at sts.eu-central-1.amazonaws.com"],
    signed: ["ROLEone", "eu-central-1", "session-one"],
  },
  "keys of the environment win over a role of AWS_PROFILE": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = a\nregion = eu-west-1\n`,
    credentials: CREDENTIALS,
    env: { ...ENV_KEYS, AWS_PROFILE: "r" },
    signed: ["AKENV", "eu-west-1"],
  },
  "a role that is refused, and nothing else is tried": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/denied\nsource_profile = a\nregion = eu-west-1\n${KEYS("AKR")}`,
    credentials: CREDENTIALS,
    flags: ["--profile", "r"],
    before: ["AssumeRole by AKA at sts.eu-west-1.amazonaws.com"],
    signed: "nothing",
    said: /role ".*\/denied" was refused by sts\.eu-west-1\.amazonaws\.com: AccessDenied: You & me: no/,
  },
  "a role by way of a role": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/two\nsource_profile = q\nregion = eu-west-1\n[profile q]\nrole_arn = ${ROLE}/one\nsource_profile = b\n`,
    credentials: CREDENTIALS,
    flags: ["--profile", "r"],
    before: [
      "AssumeRole by AKB at sts.eu-west-1.amazonaws.com",
      "AssumeRole by ROLEone at sts.eu-west-1.amazonaws.com",
    ],
    signed: ["ROLEtwo", "eu-west-1", "session-two"],
  },
  "a role before keys in the same profile, which it takes": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = r\nregion = eu-west-1\n`,
    credentials: `[r]\n${KEYS("AKSELF")}`,
    flags: ["--profile", "r"],
    before: ["AssumeRole by AKSELF at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEone", "eu-west-1", "session-one"],
  },
  "of a source with both, its keys": {
    config: `${CONFIG}[profile r]\nrole_arn = ${ROLE}/two\nsource_profile = q\nregion = eu-west-1\n[profile q]\nrole_arn = ${ROLE}/one\nsource_profile = b\n${KEYS("AKQ")}`,
    credentials: CREDENTIALS,
    flags: ["--profile", "r"],
    before: ["AssumeRole by AKQ at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEtwo", "eu-west-1", "session-two"],
  },
  "credential_source Environment, also with --profile": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\ncredential_source = Environment\nregion = eu-west-1\n`,
    env: { ...ENV_KEYS, AWS_SESSION_TOKEN: "of-env" },
    flags: ["--profile", "r"],
    before: ["AssumeRole by AKENV at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEone", "eu-west-1", "session-one"],
  },
  "a credential_source that there is not": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\ncredential_source = Elsewhere\nregion = eu-west-1\n`,
    flags: ["--profile", "r"],
    signed: "nothing",
    said: /credential_source "Elsewhere" of profile "r" is none of/,
  },
  "a source_profile that does not exist": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = gone\nregion = eu-west-1\n`,
    flags: ["--profile", "r"],
    signed: "nothing",
    said: /source_profile "gone" of profile "r" does not exist/,
  },
  "profiles in a circle": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\nsource_profile = q\nregion = eu-west-1\n[profile q]\nrole_arn = ${ROLE}/two\nsource_profile = r\n`,
    flags: ["--profile", "r"],
    signed: "nothing",
    said: /a circle/,
  },
  "a role without a source": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\nregion = eu-west-1\n`,
    credentials: `[r]\n${KEYS("AKR")}`,
    flags: ["--profile", "r"],
    signed: "nothing",
    said: /neither source_profile nor credential_source/,
  },
  "a web identity of the environment": {
    config: CONFIG,
    files: { token: "web-token" },
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: "HOME/token", AWS_ROLE_ARN: `${ROLE}/web` },
    before: ["AssumeRoleWithWebIdentity by nobody at sts.eu-north-1.amazonaws.com"],
    signed: ["ROLEwebweb-token", "eu-north-1", "session-web"],
  },
  "it comes before keys of a profile by variable": {
    ...BOTH,
    files: { token: "web-token" },
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: "HOME/token", AWS_ROLE_ARN: `${ROLE}/web`, AWS_PROFILE: "a" },
    before: ["AssumeRoleWithWebIdentity by nobody at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEwebweb-token", "eu-west-1", "session-web"],
  },
  "and not before one by flag": {
    ...BOTH,
    files: { token: "web-token" },
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: "HOME/token", AWS_ROLE_ARN: `${ROLE}/web` },
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-1"],
  },
  "a web identity of a profile": {
    config: `[profile w]\nrole_arn = ${ROLE}/web\nweb_identity_token_file = HOME/token\nregion = eu-west-1\n`,
    files: { token: "web-token" },
    flags: ["--profile", "w"],
    before: ["AssumeRoleWithWebIdentity by nobody at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEwebweb-token", "eu-west-1", "session-web"],
  },
  "a token file that is not there": {
    ...BOTH,
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere/token", AWS_ROLE_ARN: `${ROLE}/web` },
    signed: "nothing",
    said: /cannot read the token in "\/nowhere\/token".*no such file or directory/,
  },
};

const INSTANCE = {
  AWS_EC2_METADATA_DISABLED: "false",
  AWS_EC2_METADATA_SERVICE_ENDPOINT: "PLAIN/",
  AWS_METADATA_SERVICE_TIMEOUT: "20",
};
const ASKED = [
  "/latest/api/token",
  ...["", "instance-role"].map((name) => `/latest/meta-data/iam/security-credentials/${name}`),
].map((path) => `${path} by nobody at PLAIN`);

export const PROGRAMS: Readonly<Record<string, Row>> = {
  "a credential_process": {
    config: `[profile p]\nregion = eu-west-1\ncredential_process = ${PROCESS}\n`,
    flags: ["--profile", "p"],
    signed: ["AKPROC", "eu-west-1", "t"],
  },
  "a path with spaces": {
    config: `[profile p]\nregion = eu-west-1\ncredential_process = "HOME/my tools/keys" one "two three"\n`,
    files: {
      "my tools/keys": `#!/bin/sh\n[ "$2" = "two three" ] && echo '{"Version":1,"AccessKeyId":"AKTOOL","SecretAccessKey":"s"}'\n`,
    },
    flags: ["--profile", "p"],
    signed: ["AKTOOL", "eu-west-1"],
  },
  "keys of the credentials file before it": {
    config: `[profile a]\nregion = eu-west-1\ncredential_process = ${PROCESS}\n`,
    credentials: CREDENTIALS,
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-1"],
  },
  "it before keys of the configuration file": {
    config: `[profile p]\nregion = eu-west-1\n${KEYS("AKCONF")}credential_process = ${PROCESS}\n`,
    flags: ["--profile", "p"],
    signed: ["AKPROC", "eu-west-1", "t"],
  },
  "one that fails: what it said, and nothing else is tried": {
    config: `[profile p]\nregion = eu-west-1\n${KEYS("AKCONF")}credential_process = sh -c "echo vault is sealed >&2; exit 3"\n`,
    flags: ["--profile", "p"],
    signed: "nothing",
    said: /credential_process of profile "p" failed with exit code 3: vault is sealed/,
  },
  "one that is not there": {
    config: "[profile p]\nregion = eu-west-1\ncredential_process = /nowhere/keys\n",
    flags: ["--profile", "p"],
    signed: "nothing",
    said: /credential_process of profile "p" did not start: no such file or directory/,
  },
  "no shell reads it": {
    config: `[profile p]\nregion = eu-west-1\ncredential_process = echo \${HOME} | cat\n`,
    flags: ["--profile", "p"],
    signed: "nothing",
    said: /printed no JSON object/,
  },
  "another version": {
    config: `[profile p]\nregion = eu-west-1\ncredential_process = echo '{"Version":2,"AccessKeyId":"A","SecretAccessKey":"s"}'\n`,
    flags: ["--profile", "p"],
    signed: "nothing",
    said: /another version than 1/,
  },
  "a container": {
    config: CONFIG,
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "PLAIN/container" },
    before: ["/container by nobody at PLAIN"],
    signed: ["CONTAINER", "eu-north-1", "session-container"],
  },
  "every profile before the container": {
    ...BOTH,
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "PLAIN/container" },
    signed: ["AKDEF", "eu-north-1"],
  },
  "the container for a role": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\ncredential_source = EcsContainer\nregion = eu-west-1\n`,
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "PLAIN/container", AWS_PROFILE: "r" },
    before: ["/container by nobody at PLAIN", "AssumeRole by CONTAINER at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEone", "eu-west-1", "session-one"],
  },
  "an instance's role": {
    config: CONFIG,
    env: INSTANCE,
    before: ASKED,
    signed: ["INSTANCE", "eu-north-1", "session-container"],
  },
  "an instance's role, and a role with it": {
    config: `[profile r]\nrole_arn = ${ROLE}/one\ncredential_source = Ec2InstanceMetadata\nregion = eu-west-1\n`,
    env: INSTANCE,
    flags: ["--profile", "r"],
    before: [...ASKED, "AssumeRole by INSTANCE at sts.eu-west-1.amazonaws.com"],
    signed: ["ROLEone", "eu-west-1", "session-one"],
  },
  "a container before the instance": {
    config: CONFIG,
    env: { ...INSTANCE, AWS_CONTAINER_CREDENTIALS_FULL_URI: "PLAIN/container" },
    before: ["/container by nobody at PLAIN"],
    signed: ["CONTAINER", "eu-north-1", "session-container"],
  },
};
