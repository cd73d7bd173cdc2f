// How serve-local notifies devices, from its options.

import type { Env } from "../../base/env.ts";
import { ConfigError, UsageError } from "../../base/errors.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import type { MqttOptions } from "../../emulator/server/serve-options.ts";
import { loadRoots } from "../../net/roots.ts";
import { trustedRoots } from "../../net/tls-roots.ts";
import type { Settings } from "../config/layers.ts";
import { OPTIONS } from "../config/options.ts";
import type { BrokerUrl } from "../config/values.ts";
import { caPaths } from "../target/target.ts";

/** A chain of certificates, or a key, has a few kilobytes. */
const MAX_PEM_BYTES = 64 * 1024;

const OF_BROKER = ["mqttCa", "mqttCert", "mqttKey"] as const;

/** The port of MQTT over TLS. */
const USUAL_PORT = 8883;

/**
 * Undefined: not at all. Throws UsageError for options that exclude each other, ConfigError for files that cannot be
 * read.
 */
export function mqttOptionsOf(settings: Settings, env: Env): MqttOptions | undefined {
  const broker = settings.get("mqttBroker");
  const listen = settings.get("mqttListen");
  const stray = OF_BROKER.find((key) => broker === undefined && settings.get(key) !== undefined);
  if (stray !== undefined) {
    throw new UsageError(`--${OPTIONS[stray].flag} belongs to --mqtt-broker, which is missing`);
  }
  const isOff = settings.get("noMqtt");
  const given = [isOff, listen !== undefined, settings.fromFlag("mqttBroker") !== undefined];
  if (given.filter(Boolean).length > 1) {
    throw new UsageError("--no-mqtt, --mqtt-listen and --mqtt-broker exclude each other");
  }
  if (isOff) return undefined;
  // A flag wins over TUNNEL_MQTT_BROKER.
  return broker === undefined || listen !== undefined
    ? { type: "embedded", listen: listen ?? defaultListen(settings) }
    : { type: "external", broker: { ...broker, ...tlsOf(broker, settings, env) } };
}

/** Whoever asks for a free port runs several of these, or in a place where the usual ports may be taken. */
function defaultListen(settings: Settings): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: settings.get("listen").port === 0 ? 0 : USUAL_PORT };
}

function tlsOf(
  { isSecure }: BrokerUrl,
  settings: Settings,
  env: Env,
): Pick<External["broker"], "roots" | "identity"> {
  const certPath = settings.get("mqttCert");
  const keyPath = settings.get("mqttKey");
  const ownCa = settings.get("mqttCa");
  if (!isSecure) {
    if ((certPath ?? keyPath ?? ownCa) !== undefined) {
      throw new UsageError("certificates need TLS: write mqtts:// instead of mqtt://");
    }
    return {};
  }
  if ((certPath === undefined) !== (keyPath === undefined)) {
    throw new UsageError("--mqtt-cert and --mqtt-key go together");
  }
  const roots = trustedRoots(loadRoots(ownCa === undefined ? caPaths(settings, env) : [ownCa]));
  return certPath === undefined || keyPath === undefined
    ? { roots }
    : { roots, identity: { certificate: readPem(certPath), privateKey: readPem(keyPath) } };
}

type External = Extract<MqttOptions, { type: "external" }>;

function readPem(path: string): string {
  try {
    const text = readRegularFile(path, MAX_PEM_BYTES).toString("utf8");
    if (text.includes("-----BEGIN ")) return text;
  } catch (cause) {
    throw new ConfigError(`cannot read "${path}"`, { cause });
  }
  throw new ConfigError(`"${path}" is not in PEM form`);
}
