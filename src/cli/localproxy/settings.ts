// The reference proxy's fine-grained settings: written as it writes them, read for the few that mean something here.

import { writeFileSync } from "node:fs";
import { readRegularFile } from "../../base/regular-file.ts";
import { MAX_TUNNEL_LIFE_MS } from "../../protocol/constants.ts";
import { BAD_CONFIGURATION, ReferenceFatal } from "./fatal.ts";

/** The reference's settings have a dozen lines. */
const MAX_SETTINGS_BYTES = 64 * 1024;

const REGION_OVERRIDES = {
  "cn-north-1": "data.tunneling.iot.cn-north-1.amazonaws.com.cn",
  "cn-northwest-1": "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn",
};

/** Its defaults. All values are texts, as its own export has them. */
const DEFAULTS = {
  tunneling: {
    proxy: {
      default_bind_address: "localhost",
      message: {
        data_length_size: "2",
        data_frame_max_size: "65538",
        max_payload_size: "64512",
        max_size: "65536",
      },
      tcp: {
        connection_retry_count: "5",
        connection_retry_delay_ms: "2500",
        read_buffer_size: "131076",
        max_active_connections: "128",
      },
      websocket: {
        ping_period_ms: "20000",
        retry_delay_ms: "2500",
        connect_retry_count: "-1",
        reconnect_on_data_error: "true",
        subprotocol: "aws.iot.securetunneling-3.0",
        max_frame_size: "131076",
        write_buffer_size: "131076",
        read_buffer_size: "131076",
      },
      region_endpoint_overrides: REGION_OVERRIDES,
    },
  },
};

/** What we take from the settings. */
export interface ReferenceSettings {
  readonly bindAddress: string;
  readonly pingPeriodMs: number;
  /** How long to try before the first connection. */
  readonly giveUpAfterMs: number;
  endpointOf(region: string): string;
  /** Settings that are not the default's and mean nothing here. */
  readonly unused: readonly string[];
}

/** @throws ReferenceFatal when the file cannot be written */
export function exportDefaultSettings(path: string): void {
  try {
    writeFileSync(path, `${JSON.stringify(DEFAULTS, undefined, 4)}\n`);
  } catch {
    throw new ReferenceFatal(`${path}: cannot open file`, BAD_CONFIGURATION);
  }
}

/** The defaults, or what a file says over them. @throws ReferenceFatal when it cannot be read */
export function readReferenceSettings(path: string | undefined): ReferenceSettings {
  return path === undefined ? settingsOf("{}", "") : settingsOf(readText(path), path);
}

/** What the text of the file at `path` says, over the defaults. @throws ReferenceFatal when it is no JSON */
export function settingsOf(content: string, path: string): ReferenceSettings {
  const given = new Map(flatten(parse(content, path), path));
  const defaults = new Map(flatten(DEFAULTS, path));
  const get = (key: string) => given.get(`${PREFIX}${key}`) ?? defaults.get(`${PREFIX}${key}`);
  const tries = Number(get("websocket.connect_retry_count"));
  const delayMs = number(get("websocket.retry_delay_ms"), 2_500);
  return {
    bindAddress: get("default_bind_address") ?? "localhost",
    pingPeriodMs: Math.max(1_000, number(get("websocket.ping_period_ms"), 20_000)),
    // No tunnel lives longer: the reference tries for ever.
    giveUpAfterMs: tries >= 0 ? Math.max(1, tries * delayMs) : MAX_TUNNEL_LIFE_MS,
    endpointOf: (region) =>
      get(`region_endpoint_overrides.${region}`) ??
      (get("endpoint_format") ?? "data.tunneling.iot.%s.amazonaws.com").replace("%s", region),
    unused: [...given]
      .filter(([key, value]) => !isUsed(key) && defaults.get(key) !== value)
      .map(([key]) => key),
  };
}

const PREFIX = "tunneling.proxy.";
const USED = [
  "default_bind_address",
  "endpoint_format",
  "websocket.ping_period_ms",
  "websocket.retry_delay_ms",
  "websocket.connect_retry_count",
];

function isUsed(key: string): boolean {
  return key.startsWith(`${PREFIX}region_endpoint_overrides.`) || USED.includes(key.slice(PREFIX.length));
}

function number(text: string | undefined, otherwise: number): number {
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : otherwise;
}

function readText(path: string): string {
  try {
    return readRegularFile(path, MAX_SETTINGS_BYTES).toString("utf8");
  } catch {
    throw new ReferenceFatal(`${path}: cannot open file`, BAD_CONFIGURATION);
  }
}

function parse(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // The parser's own words quote the file.
    throw new ReferenceFatal(`${path}: not JSON`, BAD_CONFIGURATION);
  }
}

/** Settings that mean something have five levels; a file of thousands would exhaust the stack. */
const MAX_DEPTH = 32;

/** Members by their path, dots between. @throws ReferenceFatal naming the file when they are nested too deeply */
function flatten(value: unknown, file: string, path = "", depth = 0): readonly [string, string][] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  if (depth === MAX_DEPTH) {
    throw new ReferenceFatal(`${file}: nested deeper than ${MAX_DEPTH} levels`, BAD_CONFIGURATION);
  }
  return Object.entries(value).flatMap(([key, member]) =>
    flatten(member, file, path === "" ? key : `${path}.${key}`, depth + 1),
  );
}
