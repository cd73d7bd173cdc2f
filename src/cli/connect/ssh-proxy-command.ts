import { resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { PLATFORM, type Platform } from "../../base/platform.ts";
import { quoteForShell, quoteForWindows } from "../../base/shell.ts";
import type { Option } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";
import { ownProgram } from "../process/own-program.ts";
import { CARRYING_OPTIONS } from "../proxy/carrying.ts";
import type { CommandContext } from "../words/command.ts";
import { quote } from "../words/suggest.ts";

/** Options of ssh and ssh-config that are those of the connect behind them. */
export const SSH_OPTIONS: readonly OptionKey[] = [
  "wait",
  "lifetime",
  "keep",
  "takeOver",
  "clientType",
  ...CARRYING_OPTIONS,
];

/**
 * The value of ssh's ProxyCommand: this program, as it was started, with the options given now. ssh gives it to the
 * user's shell after replacing its own `%` words: `%n` is the host name as typed, where `%h` is in lower case. Throws
 * UsageError as sshWords.
 */
export function proxyCommandOf(thing: string, context: CommandContext): string {
  const service = context.settings.get("service").at(-1) ?? "SSH";
  const words = [
    ...ownProgram(),
    "connect",
    "--stdio",
    "--service",
    service,
    ...givenWords([...GLOBAL_KEYS, ...SSH_OPTIONS], context),
  ];
  return [sshWords(words), "--thing", thing].join(" ");
}

/** Options with which ssh and scp reach a device; its address is that of this program, and says nothing of its key. */
export function sshOptions(thing: string, context: CommandContext): string[] {
  return ["-o", `ProxyCommand=${proxyCommandOf(thing, context)}`, "-o", "CheckHostIP=no"];
}

/**
 * Words as ssh takes them in a ProxyCommand. On Windows it starts the program itself, or by cmd.exe, whose quoting a `"`
 * ends whatever stands before it.
 * Throws UsageError for a word with a line break or another control character, which would start a line of its own, and
 * on Windows with a `"`.
 */
export function sshWords(words: readonly string[], { isWindows }: Platform = PLATFORM): string {
  const broken = words.find((word) => /\p{Cc}/u.test(word) || (isWindows && word.includes('"')));
  if (broken !== undefined) {
    throw new UsageError(`${quote(broken)} cannot stand in a line of an ssh configuration`);
  }
  const quoted = words.map(isWindows ? quoteForWindows : quoteForShell);
  return quoted.map((word) => word.replaceAll("%", "%%")).join(" ");
}

/** Options of the command line, written again; paths in full, since ssh may be started elsewhere. */
function givenWords(keys: readonly OptionKey[], { settings }: CommandContext): string[] {
  return keys.flatMap((key) => {
    const option: Option<unknown> = OPTIONS[key];
    if (settings.origin(key).type !== "flag") return [];
    return (settings.texts(key) ?? []).flatMap((text) => wordsOf(option, text));
  });
}

function wordsOf({ flag, arity, takes }: Option<unknown>, text: string): string[] {
  if (arity === "switch" || text === "") return [`--${flag}`];
  const isPath = takes === "file" || takes === "directory" || takes === "path";
  return [`--${flag}`, isPath ? resolve(text) : text];
}
