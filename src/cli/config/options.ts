// Every option of every command, once: yargs' arity, the environment lookup, the keys of configuration files, the help
// texts, the table of docs/configuration.md and the completions come from this table.

import { AGENT } from "./agent-options.ts";
import { CONNECT, COPY, FLEET, LIST, PING } from "./connect-options.ts";
import { GLOBAL } from "./global-options.ts";
import { choice, flag, many, type Option, one } from "./option.ts";
import { SERVE_LOCAL } from "./serve-local-options.ts";
import {
  readAccessToken,
  readApiName,
  readClientToken,
  readDuration,
  readLifetimeMinutes,
  readTag,
  readText,
  readThing,
  readTimeOrOff,
  readTunnelId,
  readWholeNumber,
} from "./values.ts";

/** Tunnels live in lists for hours only; a list beyond this is an error of the service, not a list. */
const MAX_LISTED = 100_000;

const TUNNEL = {
  thing: one({
    flag: "thing",
    placeholder: "THING",
    takes: "thing",
    describe: "name of the device's thing; `.thing` after it, as in ssh host names, is left out",
    parse: readThing,
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
    file: "own",
    describe: "how long the tunnel may stay open (default and most: 12h)",
    parse: readLifetimeMinutes,
  }),
  tag: many({
    flag: "tag",
    placeholder: "KEY=VALUE",
    file: "own",
    describe: "tag for the tunnel; may be repeated",
    parse: readTag,
  }),
  destinationTokenFile: one({
    flag: "destination-token-file",
    placeholder: "FILE",
    takes: "file",
    describe: "write the destination's access token to this file (mode 0600)",
    parse: readText,
  }),
  rotateMode: choice({
    flag: "mode",
    placeholder: "source|destination|all",
    describe: "whose access token to replace",
    choices: ["source", "destination", "all"],
  }),
  delete: flag({ flag: "delete", describe: "also delete it at once from the list of tunnels" }),
  max: one({
    flag: "max",
    placeholder: "N",
    describe: "show the newest N only",
    parse: readWholeNumber(1, MAX_LISTED),
    fallback: MAX_LISTED,
  }),
  watch: flag({
    flag: "watch",
    describe: "show it live until q is pressed; without a terminal, each change",
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
    file: "own",
    describe: "where to listen for each service; port 0 takes a free one",
    parse: readText,
  }),
  destination: many({
    flag: "destination-app",
    short: "d",
    placeholder: "[SERVICE=][HOST:]PORT|/UNIX/SOCKET[,…]",
    file: "own",
    describe: "where each service is reached from here",
    parse: readText,
  }),
  tunnel: one({
    flag: "tunnel",
    placeholder: "ID",
    takes: "tunnel",
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
    takes: "file",
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
    file: "own",
    describe: "local address to listen on, or to connect from",
    parse: readText,
  }),
  clientType: choice({
    flag: "destination-client-type",
    placeholder: "V1|V2|V3",
    file: "own",
    describe: "protocol of the other side (default: found out)",
    choices: ["V1", "V2", "V3"],
  }),
  stallTimeout: one({
    flag: "stall-timeout",
    placeholder: "TIME",
    file: "own",
    describe: "how long one connection that does not read may hold up the others (default 10s)",
    parse: readDuration("100ms", "1h"),
    fallback: 10_000,
  }),
  linger: one({
    flag: "linger",
    placeholder: "TIME",
    file: "own",
    describe: "how long answers are still awaited after a local program stopped sending (default 1s)",
    parse: readDuration("0s", "1h"),
    fallback: 1_000,
  }),
  keepalive: one({
    flag: "keepalive",
    placeholder: "TIME",
    file: "own",
    describe: "how often the connection is checked (default 10s)",
    parse: readDuration("1s", "1h"),
    fallback: 10_000,
  }),
  continuity: choice({
    flag: "continuity",
    env: ["TUNNEL_CONTINUITY"],
    placeholder: "auto|off",
    file: "own",
    describe: "auto: connections outlive a lost link where the other side is tunnel as well (default auto)",
    choices: ["auto", "off"],
    fallback: "auto",
  }),
  resumeTimeout: one({
    flag: "resume-timeout",
    env: ["TUNNEL_RESUME_TIMEOUT"],
    placeholder: "TIME|off",
    file: "own",
    describe: "how long connections wait for the other side to come back (default 15m; off: not at all)",
    parse: readTimeOrOff("12h"),
    fallback: 15 * 60_000,
  }),
};

const DOCTOR = {
  bundle: one({
    flag: "bundle",
    placeholder: "FILE",
    takes: "file",
    describe: "also write what was found to this archive (.tar.gz, mode 0600), for a ticket",
    parse: readText,
  }),
};

export const OPTIONS = {
  ...GLOBAL,
  ...TUNNEL,
  ...PROXY,
  ...CONNECT,
  ...PING,
  ...FLEET,
  ...COPY,
  ...LIST,
  ...AGENT,
  ...SERVE_LOCAL,
  ...DOCTOR,
};

export type OptionKey = keyof typeof OPTIONS;
export type ValueOf<K extends OptionKey> = (typeof OPTIONS)[K] extends Option<infer T> ? T : never;

/** Options that every command takes. */
export const GLOBAL_KEYS = Object.keys(GLOBAL) as readonly (keyof typeof GLOBAL)[];
