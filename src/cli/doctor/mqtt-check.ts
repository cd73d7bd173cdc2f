// Whether a device's broker can be reached: TCP and TLS, since more needs the device's own certificate.

import { ServiceError } from "../../base/errors.ts";
import { awsUrl, credentialsOf } from "../target/target.ts";
import { type Finding, failed, ok, unknown, warn } from "./finding.ts";
import { checkTls } from "./network-checks.ts";
import { agentOf, type Place, placeOf, type Site } from "./site.ts";

const MQTT_PORT = 8883;
/** The port that firewalls let through, with the protocol's name in the TLS handshake. */
const HTTPS_PORT = 443;
const MQTT_ALPN = "x-amzn-mqtt-ca";

export async function checkMqtt(site: Site, signal: AbortSignal): Promise<Finding> {
  if (site.mqtt !== undefined) return checkBroker(site.mqtt, signal);
  if (site.target.local !== undefined) {
    return unknown("mqtt", "this serve-local has no broker of its own", "start it without --no-mqtt");
  }
  if (site.customEndpoint !== undefined) {
    return unknown(
      "mqtt",
      "with --endpoint-url the broker is not looked up",
      "name it: --mqtt-endpoint HOST",
    );
  }
  const found = await lookUp(site, signal);
  return "verdict" in found ? found : checkBothPorts(found, signal);
}

async function lookUp(site: Site, signal: AbortSignal): Promise<Place | Finding> {
  const agent = agentOf(site);
  try {
    const { lookUpBroker } = await import("../../aws/broker-lookup.ts");
    const { region, target, env } = site;
    const credentials = await credentialsOf(target, agent, signal);
    const place = { url: awsUrl(target, "iot", region), region };
    const host = await lookUpBroker(place, credentials, { agent, signal });
    return placeOf({ host, port: MQTT_PORT }, target, env);
  } catch (error) {
    const isDenied = error instanceof ServiceError && error.code === "ERR_DENIED";
    if (!isDenied) {
      return unknown(
        "mqtt",
        `the broker could not be looked up: ${messageOf(error)}`,
        "--mqtt-endpoint HOST",
      );
    }
    return warn(
      "mqtt",
      "denied: iot:DescribeEndpoint, so the broker could not be looked up",
      "allow it, or name the broker: --mqtt-endpoint HOST",
    );
  } finally {
    agent.destroy();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function checkBroker(broker: Place, signal: AbortSignal): Promise<Finding> {
  const finding = await checkTls("mqtt", broker, signal, broker.port === HTTPS_PORT ? [MQTT_ALPN] : []);
  return finding.verdict === "ok"
    ? ok("mqtt", `${finding.message}; its devices were not asked for`)
    : finding;
}

async function checkBothPorts(broker: Place, signal: AbortSignal): Promise<Finding> {
  const first = await checkBroker(broker, signal).catch((error: unknown) => failed("mqtt", error));
  if (first.verdict === "ok") return first;
  const second = await checkBroker({ ...broker, port: HTTPS_PORT }, signal);
  if (second.verdict !== "ok") return first;
  return warn(
    "mqtt",
    `port ${MQTT_PORT} of ${broker.host} cannot be reached, port ${HTTPS_PORT} can`,
    "tunnel agent --mqtt-transport alpn",
  );
}
