import { readFileSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";

/** What a mapping of a file holds, before anything about it is known. */
export type Mapping = Readonly<Record<string, unknown>>;

/** A configuration has some dozens of lines; what is larger is another kind of file. */
const MAX_FILE_BYTES = 256 * 1024;

/**
 * Reads a configuration file as JSON or YAML, never as a program. Of a package.json it is the property "tunnel".
 * Throws ConfigError naming the file, and the line where there is one.
 */
export async function readMapping(path: string): Promise<Mapping> {
  const extension = extname(path);
  if (!["", ".json", ".yaml", ".yml"].includes(extension) && !basename(path).startsWith(".tunnelrc")) {
    throw new ConfigError(`configuration "${path}": only .json, .yaml and .yml files are read`);
  }
  return parseMapping(path, readText(path));
}

/** The keys and values that the text of the file at `path` holds. Throws ConfigError. */
export async function parseMapping(path: string, text: string): Promise<Mapping> {
  const content = text.trim() === "" ? {} : await parse(path, text, extname(path) === ".json");
  const mapping = basename(path) === "package.json" && isMapping(content) ? content["tunnel"] : content;
  if (!isMapping(mapping)) {
    throw new ConfigError(`configuration "${path}" must hold keys and values`, {
      hint: "write lines such as region: eu-west-1",
    });
  }
  return mapping;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readText(path: string): string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) {
      throw new ConfigError(`configuration "${path}" is larger than ${MAX_FILE_BYTES / 1_024} KiB`);
    }
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) {
      throw cause;
    }
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigError(`cannot read configuration "${path}": ${reason}`, {
      hint: "tunnel config --path says which files are looked for",
      cause,
    });
  }
}

async function parse(path: string, text: string, isJson: boolean): Promise<unknown> {
  const { defaultLoaders } = await import("cosmiconfig");
  try {
    if (isJson) return defaultLoaders[".json"](path, text);
    return defaultLoaders[".yaml"](path, text) ?? {}; // comments alone are a document of nothing
  } catch (cause) {
    const { reason, mark, message } = cause as Error & { reason?: string; mark?: { line: number } };
    // The whole message quotes lines of the file.
    const line = mark === undefined ? "" : ` in line ${mark.line + 1}`;
    const why = escapeControl(reason ?? message.split("\n").at(1) ?? "", 200);
    throw new ConfigError(`configuration "${path}" is not ${isJson ? "JSON" : "YAML"}${line}: ${why}`);
  }
}
