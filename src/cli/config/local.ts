import { isAbsolute, join, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { ConfigError, UnreachableError } from "../../base/errors.ts";
import { stateHome } from "../../base/home.ts";
import { jsonObject } from "../../base/json-object.ts";
import { ownFacts } from "../../base/ownership.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { quoteForShell } from "../../base/shell.ts";
import { BELIEVED } from "../../emulator/server/state-directory.ts";
import {
  type HostPort,
  readAccountId,
  readDataPlane,
  readEndpointUrl,
  readMqttEndpoint,
  readRegion,
} from "./values.ts";

/** An endpoint.json has under a kilobyte. */
const MAX_ENDPOINT_BYTES = 64 * 1024;

/** What serve-local wrote about itself into endpoint.json. */
export interface LocalEndpoint {
  readonly stateDir: string;
  readonly region: string;
  readonly accountId: string;
  readonly controlPlane: URL;
  readonly dataPlane: HostPort;
  /** Path of the CA's PEM file. */
  readonly ca: string;
  readonly pid: number;
  /** The embedded MQTT broker; absent without it, as is `things`. */
  readonly mqtt: HostPort | undefined;
  /** Directory with the identities of the things. */
  readonly things: string | undefined;
  /** What its control plane wants calls to be signed with; absent where any dummy credentials will do. */
  readonly credentials: LocalCredentials | undefined;
}

/** A key of the emulator's own. */
export interface LocalCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Where serve-local and --local keep and look for the emulator's state, when told nothing else. */
export function defaultStateDir(env: Env): string {
  return join(stateHome(env), "local");
}

/** The command that starts the emulator of a state directory. */
export function serveLocalCommandFor(stateDir: string, env: Env): string {
  const isDefault = stateDir === defaultStateDir(env);
  return isDefault ? "tunnel serve-local" : `tunnel serve-local --state-dir ${quoteForShell(stateDir)}`;
}

/** The words that make another command use this emulator. */
export function localWordsFor(stateDir: string, env: Env): string {
  return stateDir === defaultStateDir(env) ? "--local" : `--local ${quoteForShell(stateDir)}`;
}

/** The same after a space, to end a command line for whoever called a service; nothing where that was not an emulator. */
export function localWords(local: LocalEndpoint | undefined, env: Env): string {
  return local === undefined ? "" : ` ${localWordsFor(local.stateDir, env)}`;
}

/**
 * Reads endpoint.json of a state directory. Throws UnreachableError when there is none, and ConfigError when file or
 * directory could have been written by somebody else or do not make sense.
 */
export function readLocalEndpoint(directory: string, env: Env): LocalEndpoint {
  const stateDir = resolve(directory);
  const path = join(stateDir, "endpoint.json");
  const hint = serveLocalCommandFor(stateDir, env);
  const facts = [stateDir, path, ...BELIEVED.map((name) => join(stateDir, name))].map((each) =>
    ownFacts(each, "", "use a --local directory of your own"),
  );
  if (facts[0] === undefined || facts[1] === undefined) {
    throw new UnreachableError(`no serve-local is running on "${stateDir}"`, { hint });
  }
  return parseEndpoint(readText(path), stateDir, path);
}

function readText(path: string): string {
  try {
    return readRegularFile(path, MAX_ENDPOINT_BYTES).toString("utf8");
  } catch (cause) {
    throw new ConfigError(`cannot read "${path}"`, { cause });
  }
}

/** What the text of endpoint.json says. Throws ConfigError naming `path`. */
export function parseEndpoint(text: string, stateDir: string, path: string): LocalEndpoint {
  try {
    const content = jsonObject(text);
    if (content?.["version"] !== 1) throw new TypeError("version");
    const controlPlane = readEndpointUrl(String(content["controlPlane"]));
    if (controlPlane.protocol !== "https:") throw new TypeError("controlPlane");
    return {
      stateDir,
      region: readRegion(String(content["region"])),
      accountId: readAccountId(String(content["accountId"])),
      controlPlane,
      dataPlane: readDataPlane(String(content["dataPlane"])),
      ca: readAbsolute(content["ca"]),
      pid: readPid(content["pid"]),
      mqtt: content["mqtt"] === undefined ? undefined : readMqttEndpoint(String(content["mqtt"])),
      things: content["things"] === undefined ? undefined : readAbsolute(content["things"]),
      credentials: parseCredentials(content["credentials"]),
    };
  } catch (cause) {
    throw new ConfigError(`"${path}" was not written by a serve-local of this version`, {
      hint: "start serve-local again on this directory",
      cause,
    });
  }
}

function readAbsolute(value: unknown): string {
  if (typeof value !== "string" || !isAbsolute(value)) throw new TypeError("not an absolute path");
  return value;
}

function readPid(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) <= 0) throw new TypeError("not a process id");
  return value as number;
}

function parseCredentials(content: unknown): LocalCredentials | undefined {
  if (content === undefined) return undefined;
  const { accessKeyId, secretAccessKey } = content as Record<string, unknown>;
  if (typeof accessKeyId !== "string" || typeof secretAccessKey !== "string") {
    throw new TypeError("credentials");
  }
  return { accessKeyId, secretAccessKey };
}
