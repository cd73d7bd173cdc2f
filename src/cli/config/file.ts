// The file layer: reads the configuration file, checks every key and value in it, and picks the context.

import { dirname, join, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { ConfigError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { configHome, homeOf } from "../../base/home.ts";
import { isApiName } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import { expandTilde, looksLikePath } from "../../base/platform.ts";
import { type Found, findConfigFile, type Place } from "./file-places.ts";
import { isMapping, type Mapping, readMapping } from "./file-text.ts";
import type { Option } from "./option.ts";
import { OPTIONS, type OptionKey } from "./options.ts";
import type { Origin } from "./origin.ts";
import { BadValueError } from "./values.ts";

/** A value of the file; without texts it is switched off there. */
export interface FileValue {
  readonly texts: readonly string[] | undefined;
  readonly origin: Origin & { readonly type: "file" };
}

/** What the configuration file says, checked. */
export interface FileLayer {
  /** The file that counts; absent without one. */
  readonly path: string | undefined;
  /** The context that was chosen, if any. */
  readonly context: string | undefined;
  /** Names of the file's contexts. */
  readonly contexts: readonly string[];
  readonly values: ReadonlyMap<OptionKey, FileValue>;
  /** Every path that was looked at, in order. */
  readonly looked: readonly Place[];
}

/** A choice made on the command line or in the environment. */
export interface Choice {
  readonly value: string;
  /** The flag or variable. */
  readonly name: string;
}

/** Which file and which context are wanted, and where files are looked for. */
export interface FileRequest {
  readonly file: Choice | undefined;
  readonly context: Choice | undefined;
  readonly env: Env;
  /** Throws when somebody removed it. */
  readonly workingDirectory: () => string;
}

const ENTRIES = Object.entries(OPTIONS) as readonly [OptionKey, Option<unknown>][];
const BY_FLAG = new Map(ENTRIES.map(([key, option]) => [option.flag, { key, option }]));

/** Reads the one file that counts. Throws ConfigError naming the file, the key and what is allowed. */
export async function readFileLayer(request: FileRequest): Promise<FileLayer> {
  const { env, workingDirectory } = request;
  const { found, looked } = findConfigFile(request.file?.value, env, workingDirectory);
  if (found === undefined) {
    if (request.context !== undefined) throw unknownContext(request.context, [], undefined);
    return { path: undefined, context: undefined, contexts: [], values: new Map(), looked };
  }
  const content = await readMapping(found.path, found.own);
  return { path: found.path, looked, ...checkContent(content, found, request) };
}

/** What a file holds, checked for the context that is wanted. Throws ConfigError. */
export function checkContent(
  content: Mapping,
  found: Found,
  { env, context }: Pick<FileRequest, "env" | "context">,
): Pick<FileLayer, "context" | "contexts" | "values"> {
  return new ConfigFile(found, env).read(content, context);
}

/** One file while it is read. */
class ConfigFile {
  readonly #path: string;
  readonly #isOwn: boolean;
  readonly #env: Env;

  constructor({ path, own }: Found, env: Env) {
    this.#path = path;
    this.#isOwn = own;
    this.#env = env;
  }

  read(content: Mapping, wanted: Choice | undefined): Pick<FileLayer, "context" | "contexts" | "values"> {
    const { contexts: named, context: standard, ...rest } = content;
    for (const key of ["context", "contexts"].filter((each) => Object.hasOwn(content, each))) {
      this.#refuseUnlessOwn(key);
    }
    const values = this.#values(rest, "");
    const contexts = this.#contexts(named ?? {});
    const choice = wanted ?? this.#standardContext(standard);
    if (choice === undefined) return { context: undefined, contexts: [...contexts.keys()], values };
    const chosen = contexts.get(choice.value);
    if (chosen === undefined) throw unknownContext(choice, [...contexts.keys()], this.#path);
    return { context: choice.value, contexts: [...contexts.keys()], values: new Map([...values, ...chosen]) };
  }

  #standardContext(standard: unknown): Choice | undefined {
    if (standard === undefined || standard === null) return undefined;
    if (typeof standard !== "string") throw this.#bad("context", "must be the name of one of the contexts");
    return { value: standard, name: this.#path };
  }

  #contexts(named: unknown): Map<string, ReadonlyMap<OptionKey, FileValue>> {
    if (!isMapping(named)) throw this.#bad("contexts", "must hold names, each with keys and values");
    const contexts = new Map<string, ReadonlyMap<OptionKey, FileValue>>();
    for (const [name, content] of Object.entries(named)) {
      if (!isApiName(name)) {
        throw this.#bad(`contexts.${name}`, "a name has 1 to 128 letters, digits, “:”, “_” and “-”");
      }
      if (content !== null && !isMapping(content)) {
        throw this.#bad(`contexts.${name}`, "must hold keys and values");
      }
      contexts.set(name, this.#values(content ?? {}, `contexts.${name}.`));
    }
    return contexts;
  }

  #values(content: Mapping, prefix: string): Map<OptionKey, FileValue> {
    const values = new Map<OptionKey, FileValue>();
    for (const [name, value] of Object.entries(content)) {
      const { key, option } = this.#option(name, prefix);
      const shown = prefix === "" ? this.#path : `${prefix.slice(0, -1)} of ${this.#path}`;
      const texts = this.#texts(option, value, `${prefix}${name}`);
      values.set(key, { texts, origin: { type: "file", name: shown } });
    }
    return values;
  }

  #option(name: string, prefix: string): { readonly key: OptionKey; readonly option: Option<unknown> } {
    const entry = BY_FLAG.get(name);
    if (entry?.option.file !== undefined) {
      if (entry.option.file === "own") this.#refuseUnlessOwn(`${prefix}${name}`);
      return entry;
    }
    const allowed = this.#allowed(prefix);
    const near = nearest(name, allowed, 0);
    const message = entry === undefined ? "unknown key" : "an option, but not one that a file may set:";
    throw new ConfigError(
      `configuration "${this.#path}": ${message} "${escapeControl(`${prefix}${name}`, 100)}"`,
      { hint: `${near === undefined ? "" : `did you mean ${near}? `}allowed: ${allowed.join(", ")}` },
    );
  }

  #allowed(prefix: string): string[] {
    const flags = ENTRIES.filter(([, { file }]) => file === "any" || (this.#isOwn && file === "own"));
    const names = flags.map(([, { flag }]) => flag);
    return this.#isOwn && prefix === "" ? ["context", "contexts", ...names] : names;
  }

  #refuseUnlessOwn(key: string): void {
    if (this.#isOwn) return;
    throw new ConfigError(
      `configuration "${this.#path}": "${escapeControl(key, 100)}" cannot be set by a file of the working directory ` +
        `or above it, which may set ${this.#allowed("").join(", ")} only`,
      { hint: `put it into ${join(configHome(this.#env), "config.yaml")}, or name the file with --config` },
    );
  }

  /** The value as a person would write it after the flag. */
  #texts(option: Option<unknown>, value: unknown, key: string): readonly string[] | undefined {
    if (option.arity === "switch") {
      if (typeof value !== "boolean") throw this.#bad(key, "must be true or false");
      return [value ? "" : "false"];
    }
    if (option.arity === "optional" && !(typeof value === "string" && looksLikePath(value))) {
      if (typeof value !== "boolean") throw this.#bad(key, "must be true, false or a directory with “/”");
      return value ? [""] : undefined;
    }
    const items = option.arity === "many" && Array.isArray(value) ? value : [value];
    const texts = items.map((item) => this.#text(option, item, key));
    this.#check(option, texts, key);
    return texts;
  }

  #text(option: Option<unknown>, item: unknown, key: string): string {
    if (typeof item !== "string" && typeof item !== "number") {
      throw this.#bad(
        key,
        `must be ${option.placeholder}${option.arity === "many" ? " or a list of them" : ""}`,
      );
    }
    const text = String(item);
    if (text === "" || !["file", "directory", "path"].includes(option.takes ?? "")) return text;
    return resolve(
      dirname(this.#path),
      expandTilde(text, () => homeOf(this.#env)),
    );
  }

  #check(option: Option<unknown>, texts: readonly string[], key: string): void {
    try {
      option.read(texts);
    } catch (error) {
      if (!(error instanceof BadValueError)) throw error;
      const shown = this.#isOwn ? texts.map((text) => ` "${escapeControl(text, 100)}"`).join("") : "";
      throw this.#bad(`${key}${shown}`, error.message);
    }
  }

  #bad(what: string, reason: string): ConfigError {
    return new ConfigError(`${escapeControl(what, 400)} (from ${this.#path}): ${reason}`);
  }
}

function unknownContext(
  { value, name }: Choice,
  known: readonly string[],
  path: string | undefined,
): ConfigError {
  const near = nearest(value, known, 0);
  const where = path === undefined ? "there is no configuration file" : `${path} has no such context`;
  const hint =
    known.length === 0
      ? `tunnel config --help shows how a file names contexts`
      : `${near === undefined ? "" : `did you mean ${near}? `}known: ${known.join(", ")}`;
  return new ConfigError(`context "${escapeControl(value, 100)}" (from ${name}): ${where}`, { hint });
}
