import type { OptionKey } from "../config/options.ts";
import { CARRYING_OPTIONS } from "./carrying.ts";

/** Options that both local proxies take. */
export const PROXY_OPTIONS: readonly OptionKey[] = [
  "tunnel",
  "accessTokenFile",
  "accessToken",
  "clientToken",
  "noClientToken",
  "bind",
  "clientType",
  ...CARRYING_OPTIONS,
  "watch",
];

/** Paragraphs of the help of both. */
export const PROXY_NOTES: readonly string[] = [
  "The access token comes from -t, --access-token-file or --tunnel, else from AWSIOT_TUNNEL_ACCESS_TOKEN, else it is the one kept by `tunnel open` or `tunnel rotate`.",
  "A service is left out when the tunnel has only one. IPv6 addresses are written in brackets. What begins with “/” is the path of a Unix socket.",
];
