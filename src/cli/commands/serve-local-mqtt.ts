// How serve-local notifies devices, from its options.

import { UsageError } from "../../base/errors.ts";
import type { MqttOptions } from "../../emulator/serve-options.ts";
import type { Settings } from "../config/layers.ts";
import type { OptionKey } from "../config/options.ts";

/** Options of serve-local about MQTT. */
export const MQTT_OPTIONS: readonly OptionKey[] = ["mqttListen", "noMqtt"];

/** The port of MQTT over TLS. */
const USUAL_PORT = 8883;

/** Undefined: not at all. Throws UsageError for options that exclude each other. */
export function mqttOptionsOf(settings: Settings): MqttOptions | undefined {
  const listen = settings.get("mqttListen");
  if (!settings.get("noMqtt")) {
    return { type: "embedded", listen: listen ?? defaultListen(settings) };
  }
  if (listen !== undefined) {
    throw new UsageError("--no-mqtt and --mqtt-listen exclude each other");
  }
  return undefined;
}

/** Whoever asks for a free port runs several of these, or in a place where the usual ports may be taken. */
function defaultListen(settings: Settings): MqttOptions["listen"] {
  return { host: "127.0.0.1", port: settings.get("listen").port === 0 ? 0 : USUAL_PORT };
}
