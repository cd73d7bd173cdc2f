// Profiles of AWS IAM Identity Center, and the sessions that `aws sso login` would have begun for them.

import { createHash } from "node:crypto";
import { CREDENTIALS, type Row } from "./aws-profiles.ts";

const SSO_FILE = (key: string, more: object = {}) => ({
  [`.aws/sso/cache/${createHash("sha1").update(key).digest("hex")}.json`]: JSON.stringify({
    startUrl: "https://corp.test/start",
    region: "eu-west-2",
    accessToken: "fresh",
    expiresAt: new Date(Date.now() + 4 * 3_600_000).toISOString().replace(/\.\d+Z$/, "Z"),
    ...more,
  }),
});
const SSO_PROFILE = "sso_account_id = 42\nsso_role_name = Dev\nregion = eu-west-1\n";
const SSO_SESSION = "sso_start_url = https://corp.test/start\nsso_region = eu-west-2\n";
const PORTAL = "/federation/credentials by nobody at portal.sso.eu-west-2.amazonaws.com";

export const IDENTITY_CENTER: Readonly<Record<string, Row>> = {
  "a session of its own": {
    config: `[profile s]\n${SSO_PROFILE}sso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    files: SSO_FILE("corp"),
    flags: ["--profile", "s"],
    before: [PORTAL],
    signed: ["SSODev42fresh", "eu-west-1", "session-sso"],
  },
  "a session with a quoted name, of a profile with one": {
    config: `[profile 'my s']\n${SSO_PROFILE}sso_session = our corp\n[sso-session "our corp"]\n${SSO_SESSION}`,
    files: SSO_FILE("our corp"),
    flags: ["--profile", "my s"],
    before: [PORTAL],
    signed: ["SSODev42fresh", "eu-west-1", "session-sso"],
  },
  "a profile without a session": {
    config: `[profile s]\n${SSO_PROFILE}${SSO_SESSION}`,
    files: SSO_FILE("https://corp.test/start"),
    env: { AWS_PROFILE: "s" },
    before: [PORTAL],
    signed: ["SSODev42fresh", "eu-west-1", "session-sso"],
  },
  "before keys of the credentials file": {
    config: `[profile a]\n${SSO_PROFILE}sso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    credentials: CREDENTIALS,
    files: SSO_FILE("corp"),
    flags: ["--profile", "a"],
    before: [PORTAL],
    signed: ["SSODev42fresh", "eu-west-1", "session-sso"],
  },
  "a role that is refused": {
    config: `[profile s]\nsso_account_id = 42\nsso_role_name = Denied\nregion = eu-west-1\nsso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    files: SSO_FILE("corp"),
    flags: ["--profile", "s"],
    before: [PORTAL],
    signed: "nothing",
    said: /portal\.sso\.eu-west-2\.amazonaws\.com gives none for profile "s": No access/,
  },
  "a session that does not exist": {
    config: `[profile s]\n${SSO_PROFILE}sso_session = gone\n`,
    flags: ["--profile", "s"],
    signed: "nothing",
    said: /profile "s" names sso-session "gone", which does not exist/,
  },
  "a session that was never begun": {
    config: `[profile s]\n${SSO_PROFILE}sso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    flags: ["--profile", "s"],
    signed: "nothing",
    said: /hint: aws sso login --profile s/,
  },
  "a session that has expired": {
    config: `[profile s]\n${SSO_PROFILE}sso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    files: SSO_FILE("corp", { expiresAt: "2020-01-01T00:00:00Z" }),
    flags: ["--profile", "s"],
    signed: "nothing",
    said: /the Identity Center session of profile "s" has expired/,
  },
  "one that can be renewed": {
    config: `[profile s]\n${SSO_PROFILE}sso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    files: SSO_FILE("corp", {
      expiresAt: "2020-01-01T00:00:00Z",
      clientId: "id",
      clientSecret: "secret",
      refreshToken: "again",
      registrationExpiresAt: new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+Z$/, "Z"),
    }),
    flags: ["--profile", "s"],
    before: ["/token by nobody at oidc.eu-west-2.amazonaws.com", PORTAL],
    signed: ["SSODev42renewed", "eu-west-1", "session-sso"],
  },
  "values that contradict each other": {
    config: `[profile s]\n${SSO_PROFILE}sso_region = us-east-1\nsso_session = corp\n[sso-session corp]\n${SSO_SESSION}`,
    files: SSO_FILE("corp"),
    flags: ["--profile", "s"],
    signed: "nothing",
    said: /different values of sso_region/,
  },
  "a region that cannot be one": {
    config: `[profile s]\n${SSO_PROFILE}sso_session = corp\n[sso-session corp]\nsso_start_url = https://corp.test/start\nsso_region = eu/west\n`,
    files: SSO_FILE("corp"),
    flags: ["--profile", "s"],
    signed: "nothing",
    said: /the region "eu\/west" does not exist/,
  },
  "a role without the rest": {
    config: "[profile s]\nsso_role_name = Dev\nregion = eu-west-1\n",
    flags: ["--profile", "s"],
    signed: "nothing",
    said: /lacks sso_account_id, sso_start_url, sso_region/,
  },
};
