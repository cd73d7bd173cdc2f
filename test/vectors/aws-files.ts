// The files of the AWS CLI: where they are and how they are read.

import { BOTH, CONFIG, CREDENTIALS, KEYS, type Row } from "./aws-profiles.ts";

export const FILES: Readonly<Record<string, Row>> = {
  "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE": {
    ...BOTH,
    files: {
      "other/config": "[default]\nregion = eu-west-3\n",
      "other/keys": `[default]\n${KEYS("AKOTHER")}`,
    },
    env: { AWS_CONFIG_FILE: "~/other/config", AWS_SHARED_CREDENTIALS_FILE: "$HOME/other/keys" },
    signed: ["AKOTHER", "eu-west-3"],
  },
  "a file that is not there": {
    ...BOTH,
    env: { AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials" },
    signed: "nothing",
    said: /no AWS credentials found/,
  },
  "a variable without a name: no file": {
    ...BOTH,
    env: { AWS_SHARED_CREDENTIALS_FILE: "" },
    signed: "nothing",
    said: /no AWS credentials found/,
  },
  "keys in the configuration file": {
    config: `[profile a]\nregion = eu-west-1\n${KEYS("AKCONF")}`,
    flags: ["--profile", "a"],
    signed: ["AKCONF", "eu-west-1"],
  },
  "the credentials file before the configuration file": {
    config: `[default]\nregion = eu-west-1\n${KEYS("AKCONF")}`,
    credentials: `[default]\n${KEYS("AKCRED")}`,
    signed: ["AKCRED", "eu-west-1"],
  },
  "a session token of a profile": {
    config: "[default]\nregion = eu-west-1\n",
    credentials: `[default]\n${KEYS("AKDEF")}aws_session_token = of-file\n`,
    signed: ["AKDEF", "eu-west-1", "of-file"],
  },
  "aws_security_token before it": {
    config: "[default]\nregion = eu-west-1\n",
    credentials: `[default]\n${KEYS("AKDEF")}aws_session_token = new\naws_security_token = old\n`,
    signed: ["AKDEF", "eu-west-1", "old"],
  },
  "half a pair in a profile": {
    config: `[default]\nregion = eu-west-1\n${KEYS("AKCONF")}`,
    credentials: "[default]\naws_access_key_id = AKHALF\n",
    signed: "nothing",
    said: /aws_secret_access_key is missing in profile "default"/,
  },
  "a quoted name with a space": {
    config: "[profile 'a b']\nregion = eu-west-1\n",
    credentials: `[a b]\n${KEYS("AKAB")}`,
    flags: ["--profile", "a b"],
    signed: ["AKAB", "eu-west-1"],
  },
  "double quotes, and quotes in the name": {
    config: `[profile "it's \\"b\\""]\nregion = eu-west-1\n${KEYS("AKQ")}`,
    env: { AWS_PROFILE: `it's "b"` },
    signed: ["AKQ", "eu-west-1"],
  },
  "a name with letters of other alphabets": {
    config: "[profile Prüfstand-7]\nregion = eu-west-1\n",
    credentials: `[Prüfstand-7]\n${KEYS("AKUML")}`,
    env: { AWS_PROFILE: "Prüfstand-7" },
    signed: ["AKUML", "eu-west-1"],
  },
  "a name with a slash, a colon and an at": {
    config: `[profile team/a:b@c]\nregion = eu-west-1\n${KEYS("AKSIGN")}`,
    env: { AWS_PROFILE: "team/a:b@c" },
    signed: ["AKSIGN", "eu-west-1"],
  },
  "a name with a space and no quotes is no profile": {
    config: `[profile a b]\nregion = eu-west-1\n${KEYS("AKAB")}`,
    flags: ["--profile", "a b"],
    signed: "nothing",
    said: /profile "a b"/,
  },
  "spaces around the word profile's name": {
    config: `[profile   a  ]\nregion = eu-west-1\n${KEYS("AKSP")}`,
    flags: ["--profile", "a"],
    signed: ["AKSP", "eu-west-1"],
  },
  "without the word profile a section of the configuration file is none": {
    config: `[a]\nregion = eu-west-1\n${KEYS("AKBARE")}`,
    flags: ["--profile", "a"],
    signed: "nothing",
    said: /profile "a"/,
  },
  "in the credentials file the word belongs to the name": {
    config: "[default]\nregion = eu-west-1\n",
    credentials: `[profile a]\n${KEYS("AKP")}`,
    flags: ["--profile", "a"],
    signed: "nothing",
    said: /profile "a"/,
  },
  "[profile default] beside [default]: the later one": {
    config: "[default]\nregion = eu-west-1\n[profile default]\nregion = eu-west-2\n",
    credentials: CREDENTIALS,
    signed: ["AKDEF", "eu-west-2"],
  },
  "comments, empty lines, colons and capitals": {
    config: "# one\n\n[default]\n; two\n  # three\nRegion: eu-west-1\n\n",
    credentials: `[default]\nAWS_ACCESS_KEY_ID=AKDEF\n# x\naws_secret_access_key=a=b:c\n`,
    signed: ["AKDEF", "eu-west-1"],
  },
  "line ends of Windows": {
    config: "[default]\r\nregion = eu-west-1\r\n",
    credentials: `[default]\r\naws_access_key_id = AKDEF\r\naws_secret_access_key = s\r\n`,
    signed: ["AKDEF", "eu-west-1"],
  },
  "a comment after a section's name": {
    config: "[profile a] # mine\nregion = eu-west-1\n",
    credentials: CREDENTIALS,
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-1"],
  },
  "no comment after a value": {
    config: "[default]\nregion = eu-west-1 # home\n",
    credentials: CREDENTIALS,
    signed: "nothing",
    said: /a comment needs a line of its own/,
  },
  "no region of that name": {
    config: "[default]\nregion = eu west 1\n",
    credentials: CREDENTIALS,
    signed: "nothing",
    said: /the region "eu west 1" does not exist\n.*did you mean eu-west-1\?/,
  },
  "a nested block, whose names are not the profile's": {
    config: "[default]\ns3 =\n  region = eu-west-2\n  addressing_style = path\nregion = eu-west-1\n",
    credentials: CREDENTIALS,
    signed: ["AKDEF", "eu-west-1"],
  },
  "values of [DEFAULT] count in every section": {
    config: "[DEFAULT]\nregion = eu-west-3\n[profile a]\noutput = json\n",
    credentials: CREDENTIALS,
    flags: ["--profile", "a"],
    signed: ["AKA", "eu-west-3"],
  },
  "a name that is there twice": {
    config: "[default]\nregion = eu-west-1\nregion = eu-west-2\n",
    credentials: CREDENTIALS,
    signed: "nothing",
    said: /line 3: this name is there twice/,
  },
  "a section that is there twice": {
    config: CONFIG,
    credentials: `${CREDENTIALS}[a]\n${KEYS("AKTWICE")}`,
    signed: "nothing",
    said: /line 10: this section is there twice/,
  },
  "a line that is neither": {
    config: "[default]\nregion\n",
    credentials: CREDENTIALS,
    signed: "nothing",
    said: /line 2: neither/,
  },
  "values before any section": {
    config: "region = eu-west-1\n",
    signed: "nothing",
    said: /line 1: no \[section\]/,
  },
  "a directory in place of a file": {
    ...BOTH,
    env: { AWS_CONFIG_FILE: "/", AWS_DEFAULT_REGION: "eu-west-3" },
    signed: ["AKDEF", "eu-west-3"],
  },
};
