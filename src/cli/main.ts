// The only file that knows the process: its words, streams, signals and exit code. It loads nothing before it knows
// that more than the version is wanted, and never calls process.exit(), which cuts what pipes still hold.
// BUN_BE_BUN=1 makes the runtime inside a compiled binary behave as another program before any line here runs; all
// that can be done is not to hand it on to the programs we start (emulator-environment.ts).

import { writeSync } from "node:fs";
import process from "node:process";
import { StopSignal } from "./stop-signal.ts";
import { VERSION } from "./version.ts";

/** How long something may still hold the process when its work was ended by a signal. */
const GRACE_MS = 2_000;

/** EX_IOERR of sysexits(3). */
const OUTPUT_LOST = 74;

/** A link to this program with the reference proxy's name is that command. */
const isLocalproxy = /(^|[/\\])localproxy(\.exe)?$/.test(process.argv0);
const words = [...(isLocalproxy ? ["localproxy"] : []), ...process.argv.slice(2)];
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  writeVersion();
} else {
  watchOutput();
  await main();
}

/** Without process.stdout, whose streams take as long to load as all the rest of this. */
function writeVersion(): void {
  try {
    writeSync(1, `${VERSION}\n`);
  } catch (error) {
    outputLost(error as NodeJS.ErrnoException);
  }
}

async function main(): Promise<void> {
  const stop = stopOnSignals();
  reportSurprises(stop);
  const { run } = await import("./run.ts");
  const code = await run(words, {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: () => process.stdin,
    signal: stop.signal,
  });
  process.exitCode ||= code;
  if (stop.signal.aborted) {
    endLater();
  }
}

/** Whoever reads our output may leave early (`| head -1`): the rest is dropped without a word. A full disk is told. */
function watchOutput(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", outputLost);
}

function outputLost(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && process.exitCode !== OUTPUT_LOST) {
    process.exitCode = OUTPUT_LOST;
    process.stderr.write(`tunnel: error: cannot write the answer: ${error.code ?? error.message}\n`);
  }
}

/** The first signal asks for an orderly end; a second one ends the process at once. */
function stopOnSignals(): AbortController {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const onSignal = () => {
      if (!stop.signal.aborted) return stop.abort(new StopSignal(signal));
      process.off(signal, onSignal);
      process.kill(process.pid, signal);
    };
    // It stays while the work ends: Ink has a listener of its own, which ends the process when it is the only one.
    process.on(signal, onSignal);
  }
  return stop;
}

/** Whatever nobody caught is our bug: it is shown, and running work is ended. */
function reportSurprises(stop: AbortController): void {
  const report = async (error: unknown) => {
    process.exitCode = 70;
    const { reportError } = await import("./report.ts");
    process.stderr.write(reportError(error, { json: words.includes("--json") }));
    stop.abort(error);
    endLater();
  };
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}

/** The last resort against a handle that nobody closed; a process without one has ended before. */
function endLater(): void {
  setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE_MS).unref();
}
