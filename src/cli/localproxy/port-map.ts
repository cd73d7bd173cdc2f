// The reference proxy's mappings of services to ports: -s, -d and the files of --config-dir.

import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { systemReason } from "../../base/system-reason.ts";
import type { SocketAddress } from "../../net/tcp.ts";
import type { ServiceMap, Side } from "../../proxy/options.ts";
import { parseServiceMap } from "../../proxy/service-map.ts";
import type { Checks } from "./checks.ts";
import { BAD_CONFIGURATION, BAD_VALUE, ReferenceFatal } from "./fatal.ts";
import type { ReferenceLines } from "./lines.ts";

/** Service id → endpoint as written; the empty id is an unnamed entry. */
export type PortMap = ReadonlyMap<string, string>;

/** Reads the value of -s or -d. @throws ReferenceFatal */
export function readPortMap(text: string, mode: Side, checks: Checks, lines: ReferenceLines): PortMap {
  const map = new Map<string, string>();
  const entries = text.split(/,+/);
  for (const entry of entries.filter((each) => each !== "")) {
    const parts = entry.split(/=+/);
    if (parts.length === 1 && entries.length === 1) {
      return new Map([["", checked(entry.trim(), mode, checks)]]);
    }
    if (parts.length !== 2) {
      throw new ReferenceFatal(
        "Wrong format for the port mappings! Example: SSH1=5555,SSH2=6666.",
        BAD_VALUE,
      );
    }
    const [service = "", endpoint = ""] = parts.map((part) => part.trim());
    if (service === "" || endpoint === "") {
      throw new ReferenceFatal(`Wrong format for the port mappings: ${entry} .Example: SSH1=5555`, BAD_VALUE);
    }
    const address = checked(endpoint, mode, checks);
    const known = map.get(service);
    if (known === undefined) map.set(service, address);
    else
      lines.log("warning", `Duplicate mappings, ignore. This mapping already exists: ${service} : ${known}`);
  }
  toServiceMap(map, mode);
  return map;
}

function checked(endpoint: string, mode: Side, checks: Checks): string {
  if (endpoint.includes("/")) checks.path(endpoint);
  else checks.port(endpoint.slice(endpoint.lastIndexOf(":") + 1));
  toAddress("", endpoint, mode);
  return endpoint;
}

/** The addresses of a port map. @throws ReferenceFatal naming an entry that is none */
export function toServiceMap(map: PortMap, mode: Side): ServiceMap {
  return new Map([...map].map(([service, endpoint]) => [service, toAddress(service, endpoint, mode)]));
}

function toAddress(service: string, endpoint: string, mode: Side): SocketAddress {
  const text = endpoint.includes("/") ? resolve(endpoint) : endpoint;
  try {
    const [address] = parseServiceMap(service === "" ? text : `${service}=${text}`, mode).values();
    if (address !== undefined) return address;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new ReferenceFatal(error.message, BAD_VALUE);
  }
  throw new ReferenceFatal(`no endpoint in "${endpoint}"`, BAD_VALUE);
}

/** Files below a directory, at any depth. @throws ReferenceFatal when there is none */
export function listConfigFiles(directory: string, lines: ReferenceLines): string[] {
  const names = namesIn(directory);
  if (names.length === 0) {
    throw new ReferenceFatal(`Invalid configuration directory: ${directory}`, BAD_CONFIGURATION);
  }
  const files = names.map((name) => join(directory, name)).filter(isFile);
  for (const file of files.sort()) {
    lines.log("info", "Detect configuration files: ");
    lines.log("info", file);
  }
  return files;
}

/** None where there is no directory, or one that may not be read. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
}

/** A link to nowhere is none. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** What the files say about the services; the first file that names one counts. */
export function scanConfigFiles(
  files: readonly string[],
  services: readonly string[],
  lines: ReferenceLines,
): PortMap {
  lines.log("info", "Scan configuration files to find the service ids");
  const found = new Map<string, string>();
  for (const file of files) {
    if (found.size === services.length) break;
    for (const [service, endpoint] of readMappings(file, lines)) {
      if (services.includes(service) && !found.has(service)) found.set(service, endpoint);
    }
  }
  return found;
}

/** A file of services has some dozens of lines. */
const MAX_CONFIG_BYTES = 64 * 1024;

function readMappings(file: string, lines: ReferenceLines): readonly Mapping[] {
  const mappings = parseMappings(readText(file));
  if (mappings === undefined) {
    lines.log("warning", `Fail to parse ${file} .Please make sure your file is in .ini format.`);
  }
  return mappings ?? [];
}

/** A service and its endpoint, as written. */
type Mapping = readonly [service: string, endpoint: string];

/** Lines SERVICE=ENDPOINT, in any section; undefined when another one is among them. */
export function parseMappings(text: string): readonly Mapping[] | undefined {
  const mappings: Mapping[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    const at = line.indexOf("=");
    if (at > 0 && !/^[;#]/.test(line)) mappings.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
    else if (line !== "" && !/^[;#[]/.test(line)) return undefined;
  }
  return mappings;
}

function readText(file: string): string {
  try {
    return readRegularFile(file, MAX_CONFIG_BYTES).toString("utf8");
  } catch (cause) {
    throw new ReferenceFatal(`Cannot read ${file}: ${systemReason(cause)}`, BAD_CONFIGURATION);
  }
}
