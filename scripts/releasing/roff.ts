// Man pages, made of the tables of commands and options.
import type { Option } from "../../src/cli/config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../../src/cli/config/options.ts";
import { type Command, GROUPS } from "../../src/cli/words/command.ts";
import { usageOf } from "../../src/cli/words/help.ts";

/** Exit codes of every command; those that run another command have that one's. */
export const EXIT_STATUS: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "run: not every command ended with 0"],
  ["64", "wrong words or options"],
  ["66", "not found"],
  ["69", "unreachable"],
  ["70", "a fault of this program"],
  ["71", "the port or socket cannot be listened on"],
  ["75", "a limit, or a device that did not come: worth trying again"],
  ["76", "the peer broke the protocol"],
  ["77", "refused: credentials, rights or access token"],
  ["78", "configuration: a file that cannot be read or used"],
];

/** Name of a command's page, without its section: tunnel-serve-local-thing-add. */
export function pageName({ name }: Pick<Command, "name">): string {
  return `tunnel-${name.replaceAll(" ", "-")}`;
}

/** The page of one command. */
export function commandPage(command: Command, version: string): string {
  const { name, summary, operands = [], options, notes = [], examples } = command;
  return page(pageName({ name }), version, [
    section("NAME", `${roff(pageName({ name }))} \\- ${roff(summary)}`),
    section("SYNOPSIS", bold(usageOf(command))),
    notes.length === 0 ? "" : section("DESCRIPTION", notes.map(roff).join("\n.PP\n")),
    operands.length === 0
      ? ""
      : section("WORDS", operands.map((word) => entry(bold(word.name), word.describe)).join("\n")),
    options.length === 0 ? "" : section("OPTIONS", options.map(optionEntry).join("\n")),
    section("EXAMPLES", literal(examples)),
    section("EXIT STATUS", EXIT_STATUS.map(([code, meaning]) => entry(bold(code), meaning)).join("\n")),
    section("SEE ALSO", `${bold("tunnel")}(1), for the options of every command`),
  ]);
}

/** The page of the program: its commands, and the options that all of them have. */
export function overviewPage(commands: readonly Command[], version: string): string {
  const groups = GROUPS.map((group) => {
    const rows = commands.filter((command) => command.group === group);
    const entries = rows.map((command) => entry(`${bold(pageName(command))}(1)`, command.summary));
    return `.SS ${group}\n${entries.join("\n")}`;
  });
  return page("tunnel", version, [
    section("NAME", "tunnel \\- opens, carries and serves AWS IoT secure tunnels"),
    section("SYNOPSIS", bold("tunnel COMMAND [OPTION]…")),
    section("COMMANDS", groups.join("\n")),
    section("OPTIONS", GLOBAL_KEYS.map(optionEntry).join("\n")),
    section("EXIT STATUS", EXIT_STATUS.map(([code, meaning]) => entry(bold(code), meaning)).join("\n")),
  ]);
}

function page(name: string, version: string, sections: readonly string[]): string {
  const title = `.TH ${name.toUpperCase()} 1 "" "tunnel ${version}" "AWS IoT secure tunneling"`;
  return `${[title, ".nh", ".ad l", ...sections.filter((text) => text !== "")].join("\n")}\n`;
}

function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`;
}

function optionEntry(key: OptionKey): string {
  const { short, flag, placeholder, describe, env = [] }: Option<unknown> = OPTIONS[key];
  const names = [...(short === undefined ? [] : [`-${short}`]), `--${flag}`].map(bold).join(", ");
  const value = placeholder === undefined ? "" : ` \\fI${roff(placeholder)}\\fR`;
  return entry(`${names}${value}`, env.length === 0 ? describe : `${describe} [${env.join(", ")}]`);
}

function entry(left: string, text: string): string {
  return `.TP\n${left}\n${roff(text)}`;
}

function literal(lines: readonly string[]): string {
  return `.nf\n${lines.map(roff).join("\n")}\n.fi`;
}

function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

/** Text as roff sets it as it is: no escapes, no requests, and hyphens that can be copied. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll(/^[.']/gm, "\\&$&");
}
