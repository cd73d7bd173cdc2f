// Flags over environment over the configuration file over defaults, resolved once before anything is dialled.

import type { Env } from "../../base/env.ts";
import { ConfigError, UsageError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { looksLikePath } from "../../base/platform.ts";
import type { FileLayer, FileRequest } from "./file.ts";
import type { Option } from "./option.ts";
import { OPTIONS, type OptionKey, type ValueOf } from "./options.ts";
import type { Origin } from "./origin.ts";
import { BadValueError, NoSuchValueError } from "./values.ts";

/** What the command line said, by option; a switch has one empty text. */
export type Flags = ReadonlyMap<OptionKey, readonly string[]>;

interface Resolved {
  readonly value: unknown;
  /** As it was written; absent for defaults and for what is switched off. */
  readonly texts?: readonly string[] | undefined;
  readonly origin: Origin;
}

/** The values of one command's options, each with its origin. */
export class Settings {
  readonly #resolved: ReadonlyMap<OptionKey, Resolved>;
  /** The configuration file that was read for them. */
  readonly file: FileLayer;

  constructor(resolved: ReadonlyMap<OptionKey, Resolved>, file: FileLayer) {
    this.#resolved = resolved;
    this.file = file;
  }

  get<K extends OptionKey>(key: K): ValueOf<K> {
    return this.#entry(key).value as ValueOf<K>;
  }

  origin(key: OptionKey): Origin {
    return this.#entry(key).origin;
  }

  /** The value only if the command line itself gave it. */
  fromFlag<K extends OptionKey>(key: K): ValueOf<K> | undefined {
    return this.origin(key).type === "flag" ? this.get(key) : undefined;
  }

  /** The value as it was written; absent for defaults and for what is switched off. */
  texts(key: OptionKey): readonly string[] | undefined {
    return this.#entry(key).texts;
  }

  #entry(key: OptionKey): Resolved {
    const entry = this.#resolved.get(key);
    if (entry === undefined) throw new TypeError(`the command does not declare option ${key}`);
    return entry;
  }
}

/** Without a configuration file. */
const NO_FILE: FileLayer = {
  path: undefined,
  context: undefined,
  contexts: [],
  values: new Map(),
  looked: [],
};

/** Reads the options `keys`. Throws UsageError for a bad flag and ConfigError for a bad variable. */
export function resolveSettings(
  keys: readonly OptionKey[],
  flags: Flags,
  env: Env,
  file: FileLayer = NO_FILE,
): Settings {
  return new Settings(new Map(keys.map((key) => [key, resolveOne(key, flags, env, file)])), file);
}

/** Which file and context the flags and the environment name. */
export function fileRequest(
  flags: Flags,
  { env, workingDirectory }: Pick<FileRequest, "env" | "workingDirectory">,
): FileRequest {
  const settings = resolveSettings(["config", "context"], flags, env);
  const choice = (key: "config" | "context") => {
    const value = settings.get(key);
    const origin = settings.origin(key);
    return value === undefined || origin.type === "default" ? undefined : { value, name: origin.name };
  };
  return { file: choice("config"), context: choice("context"), env, workingDirectory };
}

function resolveOne(key: OptionKey, flags: Flags, env: Env, file: FileLayer): Resolved {
  const option: Option<unknown> = OPTIONS[key];
  const written = flags.get(key);
  if (written !== undefined) {
    const origin: Origin = { type: "flag", name: `--${option.flag}` };
    return { origin, texts: written, value: readFrom(option, written, origin) };
  }
  // An empty variable counts as unset, as in the AWS SDKs.
  const name = option.env?.find((candidate) => (env[candidate] ?? "") !== "");
  if (name !== undefined) {
    const text = fromEnvironment(option, env[name] ?? "");
    return withTexts(option, text === undefined ? undefined : [text], { type: "env", name });
  }
  const inFile = file.values.get(key);
  return inFile === undefined
    ? { origin: { type: "default" }, value: option.fallback }
    : withTexts(option, inFile.texts, inFile.origin);
}

/** Without texts it is switched off there. */
function withTexts(
  option: Option<unknown>,
  texts: readonly string[] | undefined,
  origin: Exclude<Origin, { type: "default" }>,
): Resolved {
  return { origin, texts, value: texts === undefined ? option.fallback : readFrom(option, texts, origin) };
}

/** `TUNNEL_LOCAL=1` and the like are switches in the environment; a path names the directory. */
function fromEnvironment(option: Option<unknown>, text: string): string | undefined {
  if (option.arity !== "optional" || looksLikePath(text)) return text;
  if (/^(1|true|yes|on)$/i.test(text)) return "";
  if (/^(0|false|no|off)$/i.test(text)) return undefined;
  throw new ConfigError(
    `${option.flag} ${quote(text)} (from ${option.env?.[0]}): must be 1, 0 or a directory with “/”`,
  );
}

function readFrom(
  option: Option<unknown>,
  texts: readonly string[],
  origin: Exclude<Origin, { type: "default" }>,
): unknown {
  try {
    return option.read(texts);
  } catch (error) {
    if (!(error instanceof BadValueError)) throw error;
    const shown = option.secret ? "" : ` ${texts.map(quote).join(" ")}`;
    const message = `${option.flag}${shown} (from ${origin.name}): ${error.message}`;
    const isUsage = origin.type === "flag" && !(error instanceof NoSuchValueError);
    throw isUsage ? new UsageError(message) : new ConfigError(message);
  }
}

function quote(text: string): string {
  return `"${escapeControl(text, 100)}"`;
}
