// Every option of every command, once: yargs' arity, the environment lookup and the help texts come from this table.

import { LOG_LEVELS } from "../../base/log.ts";
import { AGENT } from "./agent-options.ts";
import { flag, type LocalChoice, many, type Option, one } from "./option.ts";
import {
  oneOf,
  readAccessToken,
  readAccountId,
  readApiName,
  readBrokerUrl,
  readClientToken,
  readDataPlane,
  readDuration,
  readEndpointUrl,
  readLifetimeMinutes,
  readListen,
  readOrigin,
  readRegion,
  readTag,
  readText,
  readTunnelId,
  readWholeNumber,
} from "./values.ts";

/** Tunnels live in lists for hours only; a list beyond this is an error of the service, not a list. */
const MAX_LISTED = 100_000;

const GLOBAL = {
  region: one({
    flag: "region",
    env: ["AWS_REGION", "AWS_DEFAULT_REGION", "AWSIOT_TUNNEL_REGION"],
    placeholder: "REGION",
    describe: "region of the tunnel, such as eu-west-1",
    parse: readRegion,
  }),
  profile: one({
    flag: "profile",
    env: ["AWS_PROFILE"],
    placeholder: "NAME",
    describe: "AWS credentials profile",
    parse: readText,
  }),
  endpointUrl: one({
    flag: "endpoint-url",
    env: ["AWS_ENDPOINT_URL_IOTSECURETUNNELING", "AWS_ENDPOINT_URL"],
    placeholder: "URL",
    describe: "control plane, when it is not the region's own",
    parse: readEndpointUrl,
  }),
  proxyEndpoint: one({
    flag: "proxy-endpoint",
    env: ["AWSIOT_TUNNEL_ENDPOINT"],
    placeholder: "[wss://]HOST[:PORT]",
    describe: "data plane, when it is not the region's own",
    parse: readDataPlane,
  }),
  ca: one({
    flag: "ca",
    env: ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"],
    placeholder: "FILE|DIR",
    describe: "certificates to trust besides the system's, for every connection",
    parse: readText,
  }),
  local: {
    arity: "optional",
    flag: "local",
    env: ["TUNNEL_LOCAL"],
    placeholder: "[STATE_DIR]",
    describe: "use the serve-local of this machine; a next word with “/” in it is its state directory",
    read: (texts) => ({ stateDir: texts.at(-1) === "" ? undefined : texts.at(-1) }),
    fallback: undefined,
  } satisfies Option<LocalChoice | undefined> as Option<LocalChoice | undefined>,
  json: flag({ flag: "json", describe: "answers and errors as JSON" }),
  logLevel: one({
    flag: "log-level",
    env: ["TUNNEL_LOG_LEVEL"],
    placeholder: "LEVEL",
    describe: `${LOG_LEVELS.join(", ")} (default info)`,
    parse: oneOf(...LOG_LEVELS),
    fallback: "info",
  }),
  logFormat: one({
    flag: "log-format",
    env: ["TUNNEL_LOG_FORMAT"],
    placeholder: "FORMAT",
    describe: "text or json (default text)",
    parse: oneOf("text", "json"),
    fallback: "text",
  }),
  logFile: one({
    flag: "log-file",
    env: ["TUNNEL_LOG_FILE"],
    placeholder: "FILE",
    describe: "write logs to the end of this file instead of stderr",
    parse: readText,
  }),
};

const TUNNEL = {
  thing: one({
    flag: "thing",
    placeholder: "THING",
    describe: "name of the device's thing",
    parse: readApiName,
  }),
  service: many({
    flag: "service",
    placeholder: "SERVICE",
    describe: "service behind the device, such as SSH; may be repeated",
    parse: readApiName,
  }),
  description: one({
    flag: "description",
    placeholder: "TEXT",
    describe: "what the tunnel is for",
    parse: readText,
  }),
  lifetime: one({
    flag: "lifetime",
    placeholder: "90m|12h|MINUTES",
    describe: "how long the tunnel may stay open (default and most: 12h)",
    parse: readLifetimeMinutes,
  }),
  tag: many({
    flag: "tag",
    placeholder: "KEY=VALUE",
    describe: "tag for the tunnel; may be repeated",
    parse: readTag,
  }),
  destinationTokenFile: one({
    flag: "destination-token-file",
    placeholder: "FILE",
    describe: "write the destination's access token to this file (mode 0600)",
    parse: readText,
  }),
  rotateMode: one({
    flag: "mode",
    placeholder: "source|destination|all",
    describe: "whose access token to replace",
    parse: oneOf("source", "destination", "all"),
  }),
  delete: flag({ flag: "delete", describe: "also delete it at once from the list of tunnels" }),
  max: one({
    flag: "max",
    placeholder: "N",
    describe: "show the newest N only",
    parse: readWholeNumber(1, MAX_LISTED),
    fallback: MAX_LISTED,
  }),
  remove: many({
    flag: "remove",
    placeholder: "KEY",
    describe: "remove this tag; may be repeated",
    parse: readText,
  }),
};

const PROXY = {
  listenOn: many({
    flag: "source-listen-port",
    short: "p",
    placeholder: "[SERVICE=][BIND:]PORT|/UNIX/SOCKET[,…]",
    describe: "where to listen for each service; port 0 takes a free one",
    parse: readText,
  }),
  destination: many({
    flag: "destination-app",
    short: "d",
    placeholder: "[SERVICE=][HOST:]PORT|/UNIX/SOCKET[,…]",
    describe: "where each service is reached from here",
    parse: readText,
  }),
  tunnel: one({
    flag: "tunnel",
    placeholder: "ID",
    describe: "use the access token saved for this tunnel",
    parse: readTunnelId,
  }),
  accessToken: one({
    flag: "access-token",
    short: "t",
    env: ["AWSIOT_TUNNEL_ACCESS_TOKEN"],
    placeholder: "TOKEN",
    secret: true,
    describe: "access token; other users of this machine can read it here, better use the environment",
    parse: readAccessToken,
  }),
  accessTokenFile: one({
    flag: "access-token-file",
    placeholder: "FILE|-",
    describe: "read the access token from a file, or from standard input",
    parse: readText,
  }),
  clientToken: one({
    flag: "client-token",
    env: ["AWSIOT_TUNNEL_CLIENT_TOKEN"],
    placeholder: "TOKEN",
    secret: true,
    describe: "client token to use with the access token (default: one made for it)",
    parse: readClientToken,
  }),
  noClientToken: flag({
    flag: "no-client-token",
    describe: "send none: the access token is spent after one connection",
  }),
  bind: one({
    flag: "bind",
    placeholder: "ADDRESS",
    describe: "local address to listen on, or to connect from",
    parse: readText,
  }),
  clientType: one({
    flag: "destination-client-type",
    placeholder: "V1|V2|V3",
    describe: "protocol of the other side (default: found out)",
    parse: oneOf("V1", "V2", "V3"),
  }),
  stallTimeout: one({
    flag: "stall-timeout",
    placeholder: "TIME",
    describe: "how long one connection that does not read may hold up the others (default 10s)",
    parse: readDuration("100ms", "1h"),
    fallback: 10_000,
  }),
  linger: one({
    flag: "linger",
    placeholder: "TIME",
    describe: "how long answers are still awaited after a local program stopped sending (default 1s)",
    parse: readDuration("0s", "1h"),
    fallback: 1_000,
  }),
  keepalive: one({
    flag: "keepalive",
    placeholder: "TIME",
    describe: "how often the connection is checked (default 10s)",
    parse: readDuration("1s", "1h"),
    fallback: 10_000,
  }),
};

const SERVE_LOCAL = {
  listen: one({
    flag: "listen",
    placeholder: "[HOST:]PORT",
    describe: "address of control plane and data plane (default 127.0.0.1:8443); port 0 takes a free one",
    parse: readListen,
    fallback: { host: "127.0.0.1", port: 8443 },
  }),
  mqttListen: one({
    flag: "mqtt-listen",
    placeholder: "[HOST:]PORT",
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
    describe: "certificates to trust for that broker (default: those of --ca)",
    parse: readText,
  }),
  mqttCert: one({
    flag: "mqtt-cert",
    placeholder: "FILE",
    describe: "certificate to show to that broker",
    parse: readText,
  }),
  mqttKey: one({
    flag: "mqtt-key",
    placeholder: "FILE",
    describe: "private key of that certificate",
    parse: readText,
  }),
  noMqtt: flag({ flag: "no-mqtt", describe: "no MQTT: devices are not notified" }),
  stateDir: one({
    flag: "state-dir",
    placeholder: "DIR",
    describe: "where state is kept: tunnels and certificates, or an agent's sessions",
    parse: readText,
  }),
  ephemeral: flag({ flag: "ephemeral", describe: "keep nothing: a fresh directory, removed at the end" }),
  accountId: one({
    flag: "account-id",
    placeholder: "N",
    describe: "account in the ARNs (default 000000000000)",
    parse: readAccountId,
    fallback: "000000000000",
  }),
  host: many({
    flag: "host",
    placeholder: "NAME",
    describe: "further name under which it is reached; may be repeated",
    parse: readText,
  }),
  allowOrigin: many({
    flag: "allow-origin",
    placeholder: "ORIGIN",
    describe: "web pages of this origin may connect with a cookie; may be repeated",
    parse: readOrigin,
  }),
  env: flag({
    flag: "env",
    describe: "print shell lines that point other programs at a running serve-local",
  }),
};

export const OPTIONS = { ...GLOBAL, ...TUNNEL, ...PROXY, ...AGENT, ...SERVE_LOCAL };

export type OptionKey = keyof typeof OPTIONS;
export type ValueOf<K extends OptionKey> = (typeof OPTIONS)[K] extends Option<infer T> ? T : never;

/** Options that every command takes. */
export const GLOBAL_KEYS = Object.keys(GLOBAL) as readonly (keyof typeof GLOBAL)[];
