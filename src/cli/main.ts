// The only file that knows the process: its words, streams, signals and exit code. It loads nothing before it knows
// that more than the version is wanted, and never calls process.exit(), which cuts what pipes still hold.
// BUN_BE_BUN=1 makes the runtime inside a compiled binary behave as another program before any line here runs; all
// that can be done is not to hand it on to the programs we start (child.ts, emulator-environment.ts).

import { readFileSync, writeSync } from "node:fs";
import process from "node:process";
import { type StopName, StopSignal } from "./stop-signal.ts";
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
  await main();
}

/** Without process.stdout, whose streams take as long to load as all the rest of this. */
function writeVersion(): void {
  try {
    writeSync(1, `${VERSION}\n`);
  } catch (error) {
    tellLostOutput(error as NodeJS.ErrnoException);
  }
}

async function main(): Promise<void> {
  const stop = new AbortController();
  watchOutput(stop);
  for (const name of ["SIGINT", "SIGTERM"] as const) stopOn(name, stop);
  reportSurprises(stop);
  const { run } = await import("./run.ts");
  const code = await run(words, {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: () => process.stdin,
    signal: stop.signal,
    stopOnHangup: () => isHangupIgnored() || stopOn("SIGHUP", stop),
  });
  process.exitCode ||= code;
  if (stop.signal.aborted) {
    endLater();
  }
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

/** The first signal asks for an orderly end; a further one ends what still runs for us, else the process, at once. */
function stopOn(name: StopName, stop: AbortController): void {
  const onSignal = () => {
    const { aborted, reason } = stop.signal;
    if (!aborted) return stop.abort(new StopSignal(name));
    if (reason instanceof StopSignal && reason.repeat()) return;
    process.off(name, onSignal);
    process.kill(process.pid, name);
  };
  // It stays while the work ends: Ink has a listener of its own, which ends the process when it is the only one.
  process.on(name, onSignal);
}

/** nohup starts programs so that a hang-up passes them by; a listener of ours would undo that. */
function isHangupIgnored(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    // Only Linux tells.
    return false;
  }
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
