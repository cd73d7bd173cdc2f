import ms from "ms";
import type { Option } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";
import type { Origin } from "../config/origin.ts";
import type { HostPort } from "../config/values.ts";
import type { Command, CommandContext } from "../words/command.ts";

const GLOBAL: ReadonlySet<OptionKey> = new Set(GLOBAL_KEYS);

/** What lasts longer than one command line: options that a file or the environment may set. */
const KEYS = (Object.entries(OPTIONS) as [OptionKey, Option<unknown>][])
  .filter(([, { file, env }]) => file !== undefined || env !== undefined)
  .map(([key]) => key);

export const configCommand: Command = {
  name: "config",
  group: "Setup",
  summary: "show every setting with its value and where that comes from",
  options: ["path", ...KEYS.filter((key) => !GLOBAL.has(key))],
  examples: [
    "tunnel config",
    "tunnel config --path",
    "tunnel config --context prod-eu --json",
    "tunnel config --config ./ci.yaml",
  ],
  notes: [
    "Flags win over the environment, that over the configuration file, and that over defaults.",
    "The file is the one named by --config, else config.json, config.yaml or config.yml in ~/.config/tunnel, else " +
      "the nearest .tunnelrc (.json, .yaml, .yml), .config/tunnelrc or “tunnel” in package.json from the working " +
      "directory upwards; of these last ones only json, color, log-level and log-format are taken, anything else is " +
      "an error. Its keys are the flags above without dashes. Relative paths count from the file.",
    "Contexts are named groups of settings. This file has two, and --context chooses another than its “context”: " +
      "{ context: local, contexts: { local: { local: true }, prod-eu: { region: eu-west-1, profile: prod } } }",
  ],
  run: showConfig,
};

interface Row {
  readonly option: string;
  /** As one would write it; null when it is not set. */
  readonly value: boolean | string | readonly string[] | null;
  readonly origin: Origin["type"];
  /** The flag, variable or file; null for defaults. */
  readonly from: string | null;
}

async function showConfig({ settings, output }: CommandContext): Promise<undefined> {
  const { path, context, contexts, looked } = settings.file;
  const isPath = settings.get("path");
  if (output.json) {
    const about = { file: path ?? null, context: context ?? null, contexts, looked };
    output.document(isPath ? about : { ...about, options: KEYS.map((key) => rowOf(key, settings)) });
    return undefined;
  }
  if (isPath) {
    await output.table(
      ["PATH", "STATUS"],
      looked.map((place) => [place.path, place.status]),
    );
    return undefined;
  }
  const rows = KEYS.map((key) => rowOf(key, settings));
  await output.table(
    ["OPTION", "VALUE", "FROM"],
    rows.map(({ option, value, origin, from }) => [option, textOf(value), from ?? origin]),
  );
  return undefined;
}

function rowOf(key: OptionKey, settings: CommandContext["settings"]): Row {
  const option: Option<unknown> = OPTIONS[key];
  const { context, path } = settings.file;
  const origin = settings.origin(key);
  if (key === "context" && origin.type === "default" && context !== undefined) {
    return { option: option.flag, value: context, origin: "file", from: path ?? null };
  }
  const isSecret = option.secret === true && origin.type !== "default";
  return {
    option: option.flag,
    value: isSecret ? "(not shown)" : writtenValue(key, settings),
    origin: origin.type,
    from: origin.type === "default" ? null : origin.name,
  };
}

function writtenValue(key: OptionKey, settings: CommandContext["settings"]): Row["value"] {
  const option: Option<unknown> = OPTIONS[key];
  const value: unknown = settings.get(key);
  const texts = settings.texts(key);
  if (option.arity === "switch") return value === true;
  if (texts === undefined) return defaultText(value, option);
  if (option.arity === "many") return texts;
  const text = texts.at(-1) ?? "";
  return option.arity === "optional" && text === "" ? true : text;
}

function defaultText(value: unknown, { placeholder }: Option<unknown>): string | null {
  if (typeof value === "number") return placeholder === "TIME" ? ms(value) : String(value);
  if (isHostPort(value)) return `${value.host}:${value.port}`;
  return typeof value === "string" ? value : null;
}

function isHostPort(value: unknown): value is HostPort {
  return typeof value === "object" && value !== null && "host" in value && "port" in value;
}

function textOf(value: Row["value"]): string {
  if (value === null || typeof value === "string") return value ?? "-";
  return typeof value === "boolean" ? String(value) : value.join(", ");
}
