// The live screen of a command, where there is a terminal to draw it on.

import process from "node:process";
import { configureLog } from "../../base/log.ts";
import type { Sources } from "../../tui/sources.ts";
import type { Terminal, WatchActions } from "../../tui/watch.tsx";
import type { CommandContext } from "../words/command.ts";

/** The terminal of a person; undefined where a screen cannot be drawn: no terminal, a dumb one, or one of no size. */
export function terminalOf({ stdin, stdout, env, output }: CommandContext): Terminal | undefined {
  const screen = stdout as NodeJS.WriteStream;
  if (output.json || env["TERM"] === "dumb" || screen.isTTY !== true || !screen.columns || !screen.rows) {
    return undefined;
  }
  const keyboard = stdin() as NodeJS.ReadStream;
  return keyboard.isTTY === true ? { stdin: keyboard, stdout: screen } : undefined;
}

/**
 * Shows `sources`; once it does, returns what is resolved when the person quits or the signal stops it. Until then logs
 * go to its list of events, or to --log-file.
 */
export async function startScreen(
  options: {
    readonly terminal: Terminal;
    readonly title: string;
    readonly sources: Sources;
    readonly actions?: WatchActions | undefined;
    readonly signal: AbortSignal;
  },
  { settings, output, stderr }: CommandContext,
): Promise<{ readonly ended: Promise<void> }> {
  const { Watch } = await loadWatch();
  const watch = new Watch({ ...options, colours: output.colours });
  const log = { level: settings.get("logLevel"), format: settings.get("logFormat") };
  const isToFile = settings.get("logFile") !== undefined;
  if (!isToFile) configureLog({ ...log, format: "text", write: (line) => watch.log(forEventList(line)) });
  const ended = watch.ended.finally(() => {
    if (!isToFile) configureLog({ ...log, write: (line) => void stderr.write(line) });
  });
  return { ended };
}

/** Where Ink asks, when it is loaded, whether it may draw at all. Here that has been decided: there is a terminal. */
const CI_VARIABLES = ["CI", "CONTINUOUS_INTEGRATION"];

/** Ink and React are loaded here and nowhere else. */
async function loadWatch(): Promise<typeof import("../../tui/watch.tsx")> {
  const set = CI_VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of CI_VARIABLES) delete process.env[name];
  try {
    return await import("../../tui/watch.tsx");
  } finally {
    for (const [name, value] of set) if (value !== undefined) process.env[name] = value;
  }
}

/** The list of events shows the age of each line; what is usual needs no level. */
function forEventList(line: string): string {
  return line.replace(/^\d\d:\d\d:\d\d (?:info +[\w.-]+: )?/, "");
}
