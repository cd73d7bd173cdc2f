import { configureLog, getLogger, type Level, type LogFormat } from "../base/log.ts";
import { readFileLayer } from "./config/file.ts";
import { fileRequest, resolveSettings, type Settings } from "./config/layers.ts";
import { GLOBAL_KEYS } from "./config/options.ts";
import { exitCodeOf } from "./print/exit-codes.ts";
import { Output } from "./print/output.ts";
import { reportError } from "./print/report.ts";
import type { Host } from "./process/host.ts";
import { StopSignal } from "./process/stop-signal.ts";
import { parseArgv, wantsJson } from "./words/argv.ts";
import type { Command, CommandContext } from "./words/command.ts";
import { COMMANDS } from "./words/command-table.ts";

/** Does what the words say and returns the exit code. Nothing is thrown: failures are written to stderr. */
export async function run(words: readonly string[], host: Host): Promise<number> {
  const failure = { json: wantsJson(words), local: false };
  try {
    if (words[0] === "localproxy") {
      const { runLocalproxy } = await import("./localproxy/run-localproxy.ts");
      return await runLocalproxy(words.slice(1), host);
    }
    const request = parseArgv(words, COMMANDS);
    switch (request.type) {
      case "help": {
        const { helpText } = await import("./words/help.ts");
        host.stdout.write(helpText(request.topic, COMMANDS));
        return 0;
      }
      case "version": {
        const { VERSION } = await import("./version.ts");
        host.stdout.write(`${VERSION}\n`);
        return 0;
      }
      case "command": {
        const file = await readFileLayer(fileRequest(request.flags, host));
        const keys = [...GLOBAL_KEYS, ...request.command.options];
        const settings = resolveSettings(keys, request.flags, host.env, file);
        failure.json = settings.get("json");
        failure.local = settings.get("local") !== undefined;
        return await runCommand(request.command, { ...request, settings }, host);
      }
    }
  } catch (error) {
    const { reason } = host.signal;
    if (host.signal.aborted && error === reason) {
      // What else aborts, a failure nobody caught, has been reported where it was found.
      return reason instanceof StopSignal ? reason.exitCode : exitCodeOf(reason);
    }
    host.stderr.write(reportError(error, failure));
    return exitCodeOf(error);
  }
}

async function runCommand(
  command: Command,
  { operands, rest, settings }: Pick<CommandContext, "operands" | "rest" | "settings">,
  host: Host,
): Promise<number> {
  if (command.endsOnSignal) host.stopOnHangup();
  if (!command.printsOnly?.(settings)) await startLog(settings, rest !== undefined, host);
  const output = new Output({
    json: settings.get("json"),
    out: host.stdout,
    err: host.stderr,
    colours: wantsColours(settings, host),
    isLogJson: settings.get("logFormat") === "json",
  });
  const log = getLogger(command.name.replace(" ", "."));
  const { env, stdin, stdout, stderr, signal } = host;
  const streams = { stdin, stdout, stderr };
  try {
    const code = await command.run({ settings, operands, rest, env, output, log, signal, ...streams });
    output.flush();
    return code ?? 0;
  } catch (error) {
    if (command.endsOnSignal && error === signal.reason && error instanceof StopSignal) return 0;
    throw error;
  }
}

/** On a terminal that knows colours, unless told otherwise (https://no-color.org). */
function wantsColours(settings: Settings, { env, stdout }: Host): boolean {
  const choice = settings.get("color");
  const isUsual = stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return choice === "auto" ? isUsual : choice === "always";
}

/** Around a command of the user's, stderr is that command's: only trouble is logged unless more was asked for. */
async function startLog(settings: Settings, isAroundCommand: boolean, { stderr }: Host): Promise<void> {
  const isDefault = settings.origin("logLevel").type === "default";
  const level: Level = isDefault && isAroundCommand ? "warn" : settings.get("logLevel");
  const format: LogFormat = settings.get("logFormat");
  const file = settings.get("logFile");
  if (file === undefined) {
    configureLog({ level, format, write: (line) => void stderr.write(line) });
    return;
  }
  const { openLogFile } = await import("./print/log-file.ts");
  const onLost = (message: string) => void stderr.write(warningLine(message, format));
  configureLog({ level, format, write: openLogFile(file, "logs", onLost) });
}

/** What concerns the logs themselves, which cannot be in them. */
function warningLine(message: string, format: LogFormat): string {
  const facts = { time: new Date().toISOString(), level: "warn", area: "log", message };
  return format === "json" ? `${JSON.stringify(facts)}\n` : `tunnel: warning: ${message}\n`;
}
