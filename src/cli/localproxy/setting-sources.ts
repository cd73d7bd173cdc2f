// Where the reference proxy's options come from: the command line over --config over the environment.

import type { Env } from "../../base/env.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { REFERENCE_OPTIONS } from "./reference-options.ts";
import { type ReferenceFlags, ReferenceUsageError } from "./words.ts";

/** A file of options has some dozens of lines. */
const MAX_CONFIG_BYTES = 64 * 1024;

const VARIABLES: Readonly<Record<string, string>> = {
  "access-token": "AWSIOT_TUNNEL_ACCESS_TOKEN",
  "client-token": "AWSIOT_TUNNEL_CLIENT_TOKEN",
  "proxy-endpoint": "AWSIOT_TUNNEL_ENDPOINT",
  region: "AWSIOT_TUNNEL_REGION",
};

/** Flags, then those of the file that `--config` names, then the environment: the first one counts. */
export function mergeSources(flags: ReferenceFlags, env: Env): ReferenceFlags {
  const merged = new Map(flags);
  const file = flags.get("config");
  for (const [name, value] of file === undefined ? [] : readIni(file)) {
    if (!merged.has(name)) merged.set(name, value);
  }
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const value = env[variable];
    if (value !== undefined && !merged.has(name)) merged.set(name, value);
  }
  return merged;
}

function readIni(path: string): Map<string, string> {
  let text: string;
  try {
    text = readRegularFile(path, MAX_CONFIG_BYTES).toString("utf8");
  } catch {
    throw new ReferenceUsageError(`can not read options configuration file '${path}'`);
  }
  return readOptionsFile(text);
}

/** The options that the text of a file sets. @throws ReferenceUsageError */
export function readOptionsFile(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const { name, value } of parseIni(text)) {
    const option = REFERENCE_OPTIONS.find((each) => each.name === name);
    if (option === undefined) throw new ReferenceUsageError(`unrecognised option '${name}'`);
    if (values.has(name)) {
      throw new ReferenceUsageError(`option '--${name}' cannot be specified more than once`);
    }
    if (!option.isSwitch || isYes(value, name)) values.set(name, value);
  }
  return values;
}

function isYes(value: string, name: string): boolean {
  if (/^(|true|yes|on|1)$/i.test(value)) return true;
  if (/^(false|no|off|0)$/i.test(value)) return false;
  throw new ReferenceUsageError(`the argument ('${value}') for option '--${name}' is invalid`);
}

/** Lines NAME=VALUE; “#” starts a comment, and the name of a section stands before the names in it. */
function parseIni(text: string): { readonly name: string; readonly value: string }[] {
  const found: { name: string; value: string }[] = [];
  let section = "";
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/#.*$/, "").trim();
    const heading = /^\[(.*)\]$/.exec(line);
    if (heading !== null) {
      section = `${heading[1]}.`;
    } else if (line !== "") {
      const at = line.indexOf("=");
      if (at < 0) {
        throw new ReferenceUsageError(`the options configuration file contains an invalid line '${line}'`);
      }
      found.push({ name: `${section}${line.slice(0, at).trim()}`, value: line.slice(at + 1).trim() });
    }
  }
  return found;
}
