// Fails when a document shows a command that our command line does not take, names an option that is not there, or has
// a block that nothing would look at. What it cannot know, that a command works, test/e2e/documents.test.ts tries.
import { accessSync, constants, readFileSync } from "node:fs";
import { resolveSettings } from "../src/cli/config/layers.ts";
import { namesOf } from "../src/cli/config/option.ts";
import { GLOBAL_KEYS, OPTIONS } from "../src/cli/config/options.ts";
import { ReferenceLines } from "../src/cli/localproxy/lines.ts";
import { makePlan } from "../src/cli/localproxy/plan.ts";
import { parseReferenceWords } from "../src/cli/localproxy/words.ts";
import { parseArgv } from "../src/cli/words/argv.ts";
import { COMMANDS } from "../src/cli/words/command-table.ts";
import { type Block, blocksOf, documents, proseOf, scriptsIn, spansOf, typedLines } from "./documents.ts";
import { shellCommands } from "./shell-words.ts";

/** Programs of others that our documents use. */
const FOREIGN = new Set(
  (
    "apt-get aws bun cd curl deno echo eval export git grep journalctl node npm npx podman psql pytest python3 scp sed " +
    "sh sleep ssh systemctl tr"
  ).split(" "),
);

/** Options of other programs that sentences speak of. */
const FOREIGN_OPTIONS = new Set(["config-dir", "settings-json", "randomize", "format", "help", "ca-bundle"]);

const FLAGS = new Set(Object.values(OPTIONS).flatMap((option) => namesOf(option)));

/** What is wrong with a document, a sentence each. */
export function faultsOf(markdown: string): string[] {
  const blocks = blocksOf(markdown).flatMap((block) => tried(`line ${block.line}`, () => blockFaults(block)));
  return [...blocks, ...hiddenCommands(markdown), ...spansOf(markdown).flatMap(spanFaults)];
}

function blockFaults({ language, how, text }: Block): string[] {
  switch ([language, ...how].join(" ")) {
    case "sh":
    case "sh run":
      return shellFaults(text);
    case "console run":
      return shellFaults(typedLines(text));
    case "yaml workflow":
      return scriptsIn(Bun.YAML.parse(text)).flatMap(shellFaults);
    case "json":
      JSON.parse(text);
      return [];
    case "js":
    case "ts":
      new Bun.Transpiler({ loader: "ts" }).scan(text);
      return [];
    case "python run":
    case "yaml config":
      return [];
    case "text":
      return /^\$ /m.test(text) ? ["a text block has commands: make it console run"] : [];
    default:
      return [`nothing would look at a block that is marked "${[language, ...how].join(" ")}"`];
  }
}

function shellFaults(text: string): string[] {
  return shellCommands(text).flatMap((words) => tried(words.join(" "), () => commandFaults(words)));
}

/** `check` as a whole; what it throws is a fault. */
function tried(what: string, check: () => string[]): string[] {
  try {
    return check().map((fault) => `${what}: ${fault}`);
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** What stands in the variables that our documents set and use. */
const VARIABLES: Readonly<Record<string, string>> = { $TUNNEL_ID: "84f5d131-af77-410d-86ec-525a766f43be" };

function commandFaults([program = "", ...words]: readonly string[]): string[] {
  if (program === "tunnel") return tunnelFaults(words.map((word) => VARIABLES[word] ?? word));
  if (program === "localproxy") return referenceFaults(words);
  if (program.startsWith("scripts/")) {
    accessSync(program, constants.X_OK);
    return [];
  }
  const image = program === "podman" ? words.indexOf("tunnel") : -1;
  if (image > 0 && words[0] === "run") return tunnelFaults(words.slice(image + 1));
  return FOREIGN.has(program) ? [] : ["is no command of ours, and none that documents use"];
}

/** Throws what the command line would say. */
function tunnelFaults(words: readonly string[]): string[] {
  const request = parseArgv(words, COMMANDS);
  if (request.type !== "command") return [];
  const { command, flags, rest = [] } = request;
  if (command.isVerbatim) return referenceFaults(request.operands);
  resolveSettings([...GLOBAL_KEYS, ...command.options], flags, {});
  if (!command.passesOn) {
    // Options of scp are no command.
    return rest.length > 0 && command.rest?.startsWith("CMD") ? commandFaults(rest) : [];
  }
  const lost = rest.find((word) => word.startsWith("--"));
  return lost === undefined ? [] : [`${lost} would go to ssh, which has no such option`];
}

/** Throws what the reference proxy would say; whether its directory of certificates is there is left out. */
function referenceFaults(words: readonly string[]): string[] {
  const flags = [...parseReferenceWords(words)].filter(([name]) => name !== "capath");
  makePlan(new Map(flags), { AWSIOT_TUNNEL_ACCESS_TOKEN: "token" }, new ReferenceLines(() => {}, 0));
  return [];
}

/** A command in the middle of a sentence; a synopsis with brackets or dots is none. */
function spanFaults(code: string): string[] {
  const isCommand = /^tunnel [a-z]/.test(code) && !/[[\]|…<]/.test(code);
  if (isCommand) return shellCommands(code).flatMap((words) => tried(code, () => spanCommand(words)));
  const option = /^--([a-z][a-z-]*)/.exec(code)?.[1];
  const isKnown = option === undefined || FLAGS.has(option) || FOREIGN_OPTIONS.has(option);
  return isKnown ? [] : [`there is no option --${option}`];
}

/** Its values may be placeholders: only its shape counts. The name alone speaks of the command. */
function spanCommand([, ...words]: readonly string[]): string[] {
  if (COMMANDS.some(({ name }) => name === words.join(" "))) return [];
  parseArgv(words, COMMANDS);
  return [];
}

/** Commands in a block that is only indented. */
function hiddenCommands(markdown: string): string[] {
  const lines = proseOf(markdown).split("\n");
  const hidden = lines.filter((line) => /^ {4,}(\$ |tunnel (?!list ·))/.test(line));
  return hidden.map((line) => `"${line.trim()}" is in an indented block, where nothing looks`);
}

if (import.meta.main) {
  for (const document of documents()) {
    for (const fault of faultsOf(readFileSync(document, "utf8"))) {
      console.error(`${document}: ${fault}`);
      process.exitCode = 1;
    }
  }
}
