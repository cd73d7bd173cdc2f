// The environment in which other programs (AWS CLI, SDKs, the reference proxy, this one) talk to a serve-local.

import { join } from "node:path";
import type { Keys } from "../aws/credentials/keys.ts";
import type { Env } from "../base/env.ts";
import { writePrivateFile } from "../base/private-files.ts";
import { loadRoots } from "../net/roots.ts";
import { trustedRoots } from "../net/tls-roots.ts";

/** Where the emulator is, as endpoint.json says it. */
export interface EmulatorFacts {
  readonly stateDir: string;
  readonly region: string;
  readonly controlPlane: string;
  readonly dataPlane: string;
  readonly ca: string;
  /** host:port of the embedded broker, if there is one. */
  readonly mqtt: string | undefined;
  /** The key that calls are to be signed with; absent where any will do. */
  readonly credentials: Keys | undefined;
}

/** Variables to set, and those to remove because they would lead elsewhere or carry real credentials. */
export interface EmulatorEnvironment {
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
}

/** Also writes STATE_DIR/ca/bundle.pem. Throws ConfigError when that cannot be done. */
export function emulatorEnvironment(emulator: EmulatorFacts, env: Env): EmulatorEnvironment {
  const bundle = writeBundle(emulator, env);
  return {
    set: {
      TUNNEL_LOCAL: emulator.stateDir,
      AWS_ENDPOINT_URL_IOTSECURETUNNELING: emulator.controlPlane,
      AWSIOT_TUNNEL_ENDPOINT: emulator.dataPlane,
      ...(emulator.mqtt === undefined ? {} : { TUNNEL_MQTT_ENDPOINT: emulator.mqtt }),
      AWS_REGION: emulator.region,
      AWS_DEFAULT_REGION: emulator.region,
      AWS_ACCESS_KEY_ID: emulator.credentials?.accessKeyId ?? "local",
      AWS_SECRET_ACCESS_KEY: emulator.credentials?.secretAccessKey ?? "local",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CA_BUNDLE: bundle,
      SSL_CERT_FILE: bundle,
      NODE_EXTRA_CA_CERTS: emulator.ca,
    },
    unset: emulator.mqtt === undefined ? [...UNSET, "TUNNEL_MQTT_ENDPOINT"] : UNSET,
  };
}

const UNSET = [
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_SESSION_TOKEN",
  "AWS_SECURITY_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_ROLE_ARN",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  "AWSIOT_TUNNEL_REGION",
  "AWSIOT_TUNNEL_ACCESS_TOKEN",
  "AWSIOT_TUNNEL_CLIENT_TOKEN",
  // Would make a compiled binary of this runtime, ours for instance, act as the runtime's own tool.
  "BUN_BE_BUN",
];

/**
 * AWS_CA_BUNDLE and SSL_CERT_FILE replace what a program trusts. With the emulator's CA alone, every other HTTPS
 * connection of the command would break, so the bundle holds the system's roots, and those set before, as well.
 */
function writeBundle({ stateDir, ca }: EmulatorFacts, env: Env): string {
  const path = join(stateDir, "ca", "bundle.pem");
  const before = [env["AWS_CA_BUNDLE"], env["SSL_CERT_FILE"]].filter(
    (each) => each !== undefined && each !== "" && each !== path,
  );
  const roots = trustedRoots(loadRoots([ca, ...(before as string[])]));
  writePrivateFile(path, roots.map((pem) => `${pem.trim()}\n`).join(""));
  return path;
}
