// The only file that knows the process: its words, streams, signals and exit code. It loads nothing before it knows
// that more than the version is wanted, and calls process.exit() only when its pipes are empty, since that cuts them.
// BUN_BE_BUN=1 makes the runtime inside a compiled binary behave as another program before any line here runs; all
// that can be done is not to hand it on to the programs we start (child.ts, emulator-environment.ts).

import { writeSync } from "node:fs";
import process from "node:process";
import { isHangupIgnored, type StopName, StopSignal } from "./process/stop-signal.ts";
import { VERSION } from "./version.ts";

/** How long something may still hold the process once its work is done: a last frame, the end of a socket. */
const GRACE_MS = 1_000;
/** How long the answer may take to leave once a signal asks for the end of what is only waiting for that. */
const FLUSH_MS = 200;
/** How long work may take to end after a failure that nobody caught: an orderly stop of a proxy needs some of it. */
const SURPRISE_MS = 5_000;

/** EX_IOERR of sysexits(3). */
const OUTPUT_LOST = 74;

/** A link to this program with the reference proxy's name is that command. */
const isLocalproxy = /(^|[/\\])localproxy(\.exe)?$/.test(process.argv0);
const words = [...(isLocalproxy ? ["localproxy"] : []), ...process.argv.slice(2)];
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  writeNow(`${VERSION}\n`);
} else if (words[0] === "complete" && words[1] === "--") {
  await complete(words.slice(2));
} else {
  await main();
}
endAfter(GRACE_MS);

/** A shell waits for this with every Tab: only the tables are loaded, no parser and no settings. */
async function complete(line: readonly string[]): Promise<void> {
  const { completionAnswer } = await import("./words/completion/answer.ts");
  const { COMMANDS } = await import("./words/command-table.ts");
  writeNow(completionAnswer(line, COMMANDS, process.env));
}

/** Without process.stdout, whose streams take as long to load as all the rest of this. */
function writeNow(text: string): void {
  try {
    writeSync(1, text);
  } catch (error) {
    tellLostOutput(error as NodeJS.ErrnoException);
  }
}

async function main(): Promise<void> {
  const stop = new AbortController();
  const work = { isDone: false };
  watchOutput(stop);
  for (const name of ["SIGINT", "SIGTERM"] as const) stopOn(name, stop, work);
  reportSurprises(stop);
  const { run } = await import("./run.ts");
  const code = await run(words, {
    env: process.env,
    workingDirectory: () => process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: () => process.stdin,
    signal: stop.signal,
    stopOnHangup: () => isHangupIgnored() || stopOn("SIGHUP", stop, work),
  });
  process.exitCode ||= code;
  work.isDone = true;
}

/**
 * Whoever reads our output may leave early (`| head -1`): the rest is dropped without a word. A full disk is told, and
 * ends the work: who could not be told where it listens cannot use it.
 */
function watchOutput(stop: AbortController): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    tellLostOutput(error);
    if (error.code !== "EPIPE") stop.abort(error);
  });
}

function tellLostOutput(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && process.exitCode !== OUTPUT_LOST) {
    process.exitCode = OUTPUT_LOST;
    process.stderr.write(`tunnel: error: cannot write the answer: ${error.code ?? error.message}\n`);
  }
}

/**
 * The first signal asks for an orderly end, or where the work is done ends the process; a further one ends what still
 * runs for us, else the process, at once.
 */
function stopOn(name: StopName, stop: AbortController, work: { readonly isDone: boolean }): void {
  const onSignal = () => {
    if (work.isDone) {
      // What nobody reads may wait in the pipes for ever.
      setTimeout(die, FLUSH_MS);
      return void endNow();
    }
    const { aborted, reason } = stop.signal;
    if (!aborted) return stop.abort(new StopSignal(name));
    if (reason instanceof StopSignal && reason.repeat()) return;
    die();
  };
  const die = () => {
    process.off(name, onSignal);
    process.kill(process.pid, name);
  };
  // It stays while the work ends: Ink has a listener of its own, which ends the process when it is the only one.
  process.on(name, onSignal);
}

/** Whatever nobody caught is our bug: it is shown, and running work is ended. */
function reportSurprises(stop: AbortController): void {
  const report = async (error: unknown) => {
    process.exitCode = 70;
    const { reportError } = await import("./print/report.ts");
    process.stderr.write(reportError(error, { json: words.includes("--json") }));
    stop.abort(error);
    endAfter(SURPRISE_MS);
  };
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}

/** The last resort against a handle that nobody closed; a process without one has ended before. */
function endAfter(delayMs: number): void {
  setTimeout(endNow, delayMs).unref();
}

/** Ends the process with its exit code once whoever reads its output has all of it, or has gone. */
async function endNow(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(emptied));
  process.exit();
}

/** Ends the stream, since Bun calls an empty write done while what was written before it still waits. */
function emptied(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    stream.once("error", () => resolve()); // nobody reads it any more
    stream.once("close", () => resolve());
    stream.end(() => resolve());
  });
}
