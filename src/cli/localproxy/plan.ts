// Everything the command line, the files and the environment say, checked in the reference proxy's order so that of
// several mistakes the same one is told.

import type { Env } from "../../base/env.ts";
import { unbracketed } from "../../base/host-names.ts";
import type { ClientType, Side } from "../../proxy/options.ts";
import type { HostPort } from "../config/values.ts";
import { BadValueError, readDataPlane } from "../config/values.ts";
import { Checks } from "./checks.ts";
import { BAD_VALUE, ReferenceFatal } from "./fatal.ts";
import type { ReferenceLines } from "./lines.ts";
import { listConfigFiles, type PortMap, readPortMap } from "./port-map.ts";
import { mergeSources } from "./setting-sources.ts";
import { type ReferenceSettings, readReferenceSettings } from "./settings.ts";
import { type ReferenceFlags, ReferenceUsageError } from "./words.ts";

/** What is to be done. */
export interface Plan {
  readonly mode: Side;
  readonly accessToken: string;
  readonly clientToken: string | undefined;
  readonly endpoint: HostPort;
  /** Of -s or -d; empty without them. */
  readonly portMap: PortMap;
  /** Files of --config-dir. */
  readonly configFiles: readonly string[];
  readonly bind: string | undefined;
  readonly capath: string | undefined;
  readonly isUnverified: boolean;
  readonly clientType: ClientType | undefined;
  readonly settings: ReferenceSettings;
}

/** @throws ReferenceUsageError or ReferenceFatal */
export function makePlan(flags: ReferenceFlags, env: Env, lines: ReferenceLines): Plan {
  const checks = new Checks(lines);
  const chosen = mergeSources(flags, env);
  const settings = loadSettings(chosen.get("settings-json"), checks, lines);
  const accessToken = chosen.get("access-token");
  if (accessToken === undefined) {
    throw new ReferenceUsageError("the option '--access-token' is required but missing");
  }
  if (chosen.has("region") === chosen.has("proxy-endpoint")) {
    throw new ReferenceUsageError(
      "Must specify one and only one of --region/-r or --proxy-endpoint/-e options",
    );
  }
  if (flags.has("access-token")) lines.log("warning", TOKEN_WARNING);
  checks.accessToken(accessToken);
  const clientToken = chosen.get("client-token") || undefined;
  if (clientToken !== undefined) checks.clientToken(clientToken);
  const endpoint = readEndpoint(chosen, settings, checks);
  const mode = readMode(chosen);
  const clientType = readClientType(chosen.get("destination-client-type"), lines);
  checkCombination(chosen, mode);
  const text = chosen.get(mode === "source" ? "source-listen-port" : "destination-app");
  const portMap: PortMap = text === undefined ? new Map() : readPortMap(text, mode, checks, lines);
  return {
    mode,
    accessToken,
    clientToken,
    endpoint,
    portMap,
    configFiles: readConfigDirectory(chosen.get("config-dir"), checks, lines),
    bind: readBind(chosen.get("local-bind-address"), mode, settings, checks),
    capath: readCapath(chosen.get("capath"), checks),
    isUnverified: chosen.has("no-ssl-host-verify"),
    clientType,
    settings,
  };
}

/** The level of -v. The reference takes it from the command line alone. @throws ReferenceUsageError */
export function readVerbosity(flags: ReferenceFlags): number {
  const text = flags.get("verbose") ?? "4";
  if (text === "") throw new ReferenceUsageError("the argument for option '--verbose' is invalid");
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= -65_535 && value <= 65_535)) {
    throw new ReferenceUsageError(`the argument ('${text}') for option '--verbose' is invalid`);
  }
  return value < 0 ? 6 : Math.min(value, 6);
}

const TOKEN_WARNING =
  "Found access token supplied via CLI arg. Consider using environment variable AWSIOT_TUNNEL_ACCESS_TOKEN instead";

function loadSettings(path: string | undefined, checks: Checks, lines: ReferenceLines): ReferenceSettings {
  if (path !== undefined) {
    checks.path(path);
    lines.log("info", `Using settings specified in file: ${path}`);
  }
  const settings = readReferenceSettings(path);
  for (const key of settings.unused) {
    lines.log("warning", `Setting ${key} has no meaning here and is ignored`);
  }
  return settings;
}

function readEndpoint(chosen: ReferenceFlags, settings: ReferenceSettings, checks: Checks): HostPort {
  const region = chosen.get("region");
  if (region !== undefined) checks.region(region);
  const written = chosen.get("proxy-endpoint") ?? settings.endpointOf(region ?? "");
  if (region === undefined) checks.endpoint(written);
  try {
    return readDataPlane(written.toLowerCase());
  } catch (error) {
    if (!(error instanceof BadValueError)) throw error;
    throw new ReferenceFatal(`Invalid endpoint specified: ${written.toLowerCase()}`, BAD_VALUE);
  }
}

function readMode(chosen: ReferenceFlags): Side {
  const text = chosen.get("mode");
  switch (text) {
    case undefined:
      return chosen.has("destination-app") ? "destination" : "source";
    case "src":
    case "source":
      return "source";
    case "dst":
    case "destination":
      return "destination";
    default:
      throw new ReferenceUsageError("Mode value is wrong! Allowed values are: src, dst, source, destination");
  }
}

function readClientType(text: string | undefined, lines: ReferenceLines): ClientType | undefined {
  if (text === "V1" || text === "V2") {
    lines.log("info", `setting source protocol to ${text}`);
    return text;
  }
  if (text !== undefined) {
    lines.log("warning", "unknown value for destination-client-type, assuming default protocol V3.");
  }
  return undefined;
}

function checkCombination(chosen: ReferenceFlags, mode: Side): void {
  const isSource = chosen.has("source-listen-port");
  const isDestination = chosen.has("destination-app");
  if (isSource && isDestination) {
    throw new ReferenceUsageError(
      "Must specify one and only one of --source-listen-port/-s or --destination-app/-d",
    );
  }
  if (!isSource && !isDestination && !chosen.has("mode")) {
    throw new ReferenceUsageError(
      "Must specify one of --source-listen-port/-s or --destination-app/-d or --mode",
    );
  }
  if ((isSource && mode === "destination") || (isDestination && mode === "source")) {
    throw new ReferenceUsageError(`-s and --mode have mismatched mode. Mode is set to ${mode}!`);
  }
}

function readConfigDirectory(path: string | undefined, checks: Checks, lines: ReferenceLines): string[] {
  if (path === undefined) return [];
  checks.path(path);
  return listConfigFiles(path, lines);
}

function readBind(
  text: string | undefined,
  mode: Side,
  settings: ReferenceSettings,
  checks: Checks,
): string | undefined {
  if (text === undefined || text === "") return mode === "source" ? settings.bindAddress : undefined;
  checks.bindAddress(text);
  return unbracketed(text);
}

function readCapath(path: string | undefined, checks: Checks): string | undefined {
  if (path !== undefined) checks.path(path);
  return path;
}
