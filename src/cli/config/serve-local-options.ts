// Options of serve-local.

import { flag, many, one } from "./option.ts";
import { readFault } from "./read-fault.ts";
import { readAccountId, readBrokerUrl, readListen, readOrigin, readText } from "./values.ts";

export const SERVE_LOCAL = {
  listen: one({
    flag: "listen",
    placeholder: "[HOST:]PORT",
    file: "own",
    describe: "address of control plane and data plane (default 127.0.0.1:8443); port 0 takes a free one",
    parse: readListen,
    fallback: { host: "127.0.0.1", port: 8443 },
  }),
  mqttListen: one({
    flag: "mqtt-listen",
    placeholder: "[HOST:]PORT",
    file: "own",
    describe:
      "address of the MQTT broker for devices (default 127.0.0.1:8883, but a free port if --listen takes one)",
    parse: readListen,
  }),
  mqttBroker: one({
    flag: "mqtt-broker",
    env: ["TUNNEL_MQTT_BROKER"],
    placeholder: "mqtts://[USER:PASSWORD@]HOST[:PORT]",
    secret: true,
    describe: "notify devices through this broker instead; keep a password in the environment",
    parse: readBrokerUrl,
  }),
  mqttCa: one({
    flag: "mqtt-ca",
    placeholder: "FILE|DIR",
    file: "own",
    takes: "path",
    describe: "certificates to trust for that broker (default: those of --ca)",
    parse: readText,
  }),
  mqttCert: one({
    flag: "mqtt-cert",
    placeholder: "FILE",
    file: "own",
    takes: "file",
    describe: "certificate to show to that broker",
    parse: readText,
  }),
  mqttKey: one({
    flag: "mqtt-key",
    placeholder: "FILE",
    file: "own",
    takes: "file",
    describe: "private key of that certificate",
    parse: readText,
  }),
  noMqtt: flag({ flag: "no-mqtt", describe: "no MQTT: devices are not notified" }),
  stateDir: one({
    flag: "state-dir",
    placeholder: "DIR",
    takes: "directory",
    describe: "where state is kept: tunnels and certificates, or an agent's sessions",
    parse: readText,
  }),
  ephemeral: flag({ flag: "ephemeral", describe: "keep nothing: a fresh directory, removed at the end" }),
  private: flag({
    flag: "private",
    describe: "take only calls that are signed with the key in endpoint.json, which others cannot read",
  }),
  fault: many({
    flag: "fault",
    placeholder: "KIND[=VALUE][,after=TIME][,rate=0.1][,seed=N]",
    describe:
      "let this go wrong on purpose: drop, close, delay, throttle, refuse, expire, rotate; may be repeated",
    parse: readFault,
  }),
  quota: flag({
    flag: "quota",
    describe: "hold AWS's bounds: 800 kbit/s a tunnel, 10 connections and 10 calls of an operation a second",
  }),
  accountId: one({
    flag: "account-id",
    placeholder: "N",
    file: "own",
    describe: "account in the ARNs (default 000000000000)",
    parse: readAccountId,
    fallback: "000000000000",
  }),
  host: many({
    flag: "host",
    placeholder: "NAME",
    file: "own",
    describe: "further name under which it is reached; may be repeated",
    parse: readText,
  }),
  allowOrigin: many({
    flag: "allow-origin",
    placeholder: "ORIGIN",
    file: "own",
    describe: "web pages of this origin may connect with a cookie; may be repeated",
    parse: readOrigin,
  }),
  path: flag({ flag: "path", describe: "print which files were looked for, and which one counts" }),
  env: flag({
    flag: "env",
    describe: "print shell lines that point other programs at a running serve-local",
  }),
};
