import { basename, extname } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { systemReason } from "../../base/system-reason.ts";

/** What a mapping of a file holds, before anything about it is known. */
export type Mapping = Readonly<Record<string, unknown>>;

/** A configuration has some dozens of lines; what is larger is another kind of file. */
export const MAX_FILE_BYTES = 256 * 1024;

/**
 * Reads a configuration file as JSON or YAML, never as a program. Of a package.json it is the property "tunnel".
 * Throws ConfigError naming the file, and the line where there is one. Of a file that is not the user's own, links are
 * not followed and no word is repeated: it may be a stranger's, or lead to a secret.
 */
export async function readMapping(path: string, isOwn: boolean): Promise<Mapping> {
  const extension = extname(path);
  if (!["", ".json", ".yaml", ".yml"].includes(extension) && !basename(path).startsWith(".tunnelrc")) {
    throw new ConfigError(`configuration "${path}": only .json, .yaml and .yml files are read`);
  }
  return parseMapping(path, readText(path, isOwn), isOwn);
}

/**
 * The keys and values that the text of the file at `path` holds. Throws ConfigError.
 * @param isOwn it is the user's own: what is wrong with it may be quoted
 */
export async function parseMapping(path: string, text: string, isOwn: boolean): Promise<Mapping> {
  const isJson = extname(path) === ".json";
  const content = text.trim() === "" ? {} : await parse(path, text, { isJson, isOwn });
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

function readText(path: string, isOwn: boolean): string {
  try {
    return readRegularFile(path, MAX_FILE_BYTES, { follow: isOwn }).toString("utf8");
  } catch (cause) {
    throw new ConfigError(`cannot read configuration "${path}": ${systemReason(cause)}`, {
      hint: "tunnel config --path says which files are looked for",
      cause,
    });
  }
}

async function parse(
  path: string,
  text: string,
  { isJson, isOwn }: { readonly isJson: boolean; readonly isOwn: boolean },
): Promise<unknown> {
  const { defaultLoaders } = await import("cosmiconfig");
  try {
    if (isJson) return defaultLoaders[".json"](path, text);
    return defaultLoaders[".yaml"](path, text) ?? {}; // comments alone are a document of nothing
  } catch (cause) {
    const { reason, mark, message } = cause as Error & { reason?: string; mark?: { line: number } };
    // The whole message quotes lines of the file.
    const line = mark === undefined ? "" : ` in line ${mark.line + 1}`;
    const why = isOwn ? `: ${escapeControl(reason ?? message.split("\n").at(1) ?? "", 200)}` : "";
    throw new ConfigError(`configuration "${path}" is not ${isJson ? "JSON" : "YAML"}${line}${why}`);
  }
}
