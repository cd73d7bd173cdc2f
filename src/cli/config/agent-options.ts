// Options of the agent.

import { choice, flag, many, one } from "./option.ts";
import {
  readBroker,
  readClientId,
  readDuration,
  readListen,
  readLoopback,
  readRegion,
  readText,
  readWholeNumber,
} from "./values.ts";

/** Sessions at once at most: each is a WebSocket. */
const MAX_TUNNELS = 1_000;

export const AGENT = {
  map: many({
    flag: "map",
    placeholder: "SERVICE=[HOST:]PORT|/UNIX/SOCKET",
    file: "own",
    describe: "where a service is reached from here; nothing else is ever dialled; may be repeated",
    parse: readText,
  }),
  mqttEndpoint: one({
    flag: "mqtt-endpoint",
    env: ["TUNNEL_MQTT_ENDPOINT"],
    placeholder: "HOST[:PORT]",
    file: "own",
    describe: "MQTT broker (default: the account's own, looked up with AWS credentials)",
    parse: readBroker,
  }),
  mqttTransport: choice({
    flag: "mqtt-transport",
    placeholder: "tls|alpn|websocket",
    file: "own",
    describe:
      "way to the broker (default: tls with a certificate, alpn if on port 443; websocket without one)",
    choices: ["tls", "alpn", "websocket"],
  }),
  cert: one({
    flag: "cert",
    placeholder: "FILE",
    file: "own",
    takes: "file",
    describe: "certificate of the device, PEM",
    parse: readText,
  }),
  key: one({
    flag: "key",
    placeholder: "FILE",
    file: "own",
    takes: "file",
    describe: "its private key, PEM",
    parse: readText,
  }),
  clientId: one({
    flag: "client-id",
    placeholder: "ID",
    file: "own",
    describe:
      "MQTT client id; a broker ends the older of two with the same (default: THING-tunnel- and 8 random digits)",
    parse: readClientId,
  }),
  allowRegion: many({
    flag: "allow-region",
    placeholder: "REGION",
    file: "own",
    describe: "carry tunnels of this region too; may be repeated",
    parse: readRegion,
  }),
  maxTunnels: one({
    flag: "max-tunnels",
    placeholder: "N",
    file: "own",
    describe: "tunnels at once (default 20); when full, the oldest that is not connected makes room",
    parse: readWholeNumber(1, MAX_TUNNELS),
    fallback: 20,
  }),
  maxSession: one({
    flag: "max-session",
    placeholder: "TIME",
    file: "own",
    describe: "end each tunnel's session after this time (default: when the tunnel ends)",
    parse: readDuration("1s", "12h"),
  }),
  grace: one({
    flag: "grace",
    placeholder: "TIME",
    file: "own",
    describe: "how long open connections may go on once the agent is told to stop (default 30s)",
    parse: readDuration("0s", "12h"),
    fallback: 30_000,
  }),
  auditFile: one({
    flag: "audit-file",
    placeholder: "FILE",
    file: "own",
    takes: "file",
    describe: "append the audit line of each session to this file instead of printing it",
    parse: readText,
  }),
  metrics: one({
    flag: "metrics",
    placeholder: "[127.0.0.1:]PORT",
    file: "own",
    describe: "serve /metrics (Prometheus) and /ready on this address of this machine",
    parse: (text) => readLoopback(readListen(text)),
  }),
  printUnit: flag({
    flag: "print-unit",
    describe: "print a systemd unit for these options, and start nothing",
  }),
};

/** Options of the agent command besides the global ones. */
export const AGENT_KEYS = [
  "thing",
  "map",
  "mqttEndpoint",
  "cert",
  "key",
  "mqttTransport",
  "clientId",
  "allowRegion",
  "maxTunnels",
  "maxSession",
  "grace",
  "stateDir",
  "auditFile",
  "metrics",
  "printUnit",
  "bind",
  "stallTimeout",
  "linger",
  "keepalive",
  "continuity",
  "resumeTimeout",
] as const;
