// ~/.aws/config and ~/.aws/credentials: where they are and what they say, as the AWS CLI finds it.

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { ConfigError } from "../base/errors.ts";
import { homeVariable } from "../base/home.ts";
import { expandTilde, PLATFORM, type Platform } from "../base/platform.ts";
import { codeOf, systemReason } from "../base/system-reason.ts";
import { IniError, parseIni, type Sections } from "./ini.ts";
import { shellWords } from "./shell-words.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** One profile's or session's values, by lower-case name. */
export type Section = ReadonlyMap<string, string>;

/** What the two files say together. */
export interface SharedFiles {
  /** Values of both files; those of the credentials file win. */
  readonly profiles: ReadonlyMap<string, Section>;
  /** Profiles of the credentials file alone, under their names as written. */
  readonly credentials: ReadonlyMap<string, Section>;
  /** Profiles of the configuration file alone. */
  readonly config: ReadonlyMap<string, Section>;
  readonly ssoSessions: ReadonlyMap<string, Section>;
  readonly services: ReadonlyMap<string, Section>;
  readonly configPath: string;
  readonly credentialsPath: string;
  /** Files that are there and could not be read, with the system's reason. */
  readonly unreadable: readonly string[];
}

/** More than any such file has; beyond it something else lies there. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads both files; one that is not there, or that a variable names with an empty text, says nothing. @throws ConfigError for one that is not well-formed */
export function readSharedFiles(env: Env): SharedFiles {
  const configPath = expandPath(env["AWS_CONFIG_FILE"] ?? "~/.aws/config", env);
  const credentialsPath = expandPath(env["AWS_SHARED_CREDENTIALS_FILE"] ?? "~/.aws/credentials", env);
  const unreadable: string[] = [];
  const sections = readSections(configPath, unreadable);
  const credentials = readSections(credentialsPath, unreadable);
  const config = named(sections, "profile");
  const names = new Set([...config.keys(), ...credentials.keys()]);
  const both = [...names].map((name) => {
    const values = [...(config.get(name) ?? []), ...(credentials.get(name) ?? [])];
    return [name, new Map(values)] as const;
  });
  return {
    profiles: new Map(both),
    credentials,
    config,
    ssoSessions: named(sections, "sso-session"),
    services: named(sections, "services"),
    configPath,
    credentialsPath,
    unreadable,
  };
}

/** `~` and `$NAME`, on Windows also `%NAME%`, as the AWS CLI expands them in paths. */
export function expandPath(path: string, env: Env, platform: Platform = PLATFORM): string {
  const pattern = platform.isWindows ? /\$(\w+)|\$\{(\w+)\}|%(\w+)%/g : /\$(\w+)|\$\{(\w+)\}/g;
  const expanded = path.replace(
    pattern,
    (whole, name, braced, between) => env[name ?? braced ?? between] ?? whole,
  );
  return expandTilde(expanded, () => env[homeVariable(platform)] || ownHome(), platform);
}

/** A user whom the system does not know, as in some containers, has no home: then nothing is found there. */
function ownHome(): string {
  try {
    return homedir();
  } catch {
    return "~";
  }
}

/** Sections such as `[profile "a b"]`, by their second word; `[default]` is a profile without that. The last one counts. */
function named(sections: Sections, kind: string): Map<string, Section> {
  const found = new Map<string, Section>();
  for (const [header, values] of sections) {
    const words = header.startsWith(kind) ? shellWords(header) : undefined;
    if (words?.length === 2 && words[1] !== undefined) found.set(words[1], values);
    if (kind === "profile" && header === "default") found.set(header, values);
  }
  return found;
}

function readSections(path: string, unreadable: string[]): Sections {
  const text = readText(path, unreadable);
  try {
    return text === undefined ? new Map() : parseIni(text);
  } catch (error) {
    if (!(error instanceof IniError)) throw error;
    throw new ConfigError(`"${path}" is no file of the AWS CLI: ${error.message}`, {
      hint: "correct it; aws configure list stops at it too",
      cause: error,
    });
  }
}

/** The text of a regular file, or nothing. Opened without waiting, in case it is a pipe. */
function readText(path: string, unreadable: string[]): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes(codeOf(error))) unreadable.push(`"${path}": ${systemReason(error)}`);
    return undefined;
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) return undefined;
    if (facts.size > MAX_BYTES) throw new ConfigError(`"${path}" is too large for a file of the AWS CLI`);
    return decode(readFileSync(file), path);
  } finally {
    closeSync(file);
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError(`"${path}" is not text in UTF-8`, { cause });
  }
}
