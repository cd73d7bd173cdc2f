// Whoever started a `connect --stdio`, usually ssh: its bytes, and whether it is still there.

import { fstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { PassThrough, type Readable } from "node:stream";
import { isatty } from "node:tty";
import { isRunning } from "../../base/running.ts";
import { releaseStandardStreams } from "../process/end-signals.ts";

/** Input that is read before anybody wants it: far more than ssh says before it has heard from the other side. */
const READ_AHEAD_BYTES = 64 * 1024;
/** How soon and then how often is looked for a reader, once the input has ended: all processes are gone through. */
const FIRST_LOOK_MS = 100;
const MAX_LOOK_MS = 2_000;

/** Reason of an abort: nobody waits for what standard output would get. */
export class ReaderGone extends Error {
  constructor() {
    super("nobody reads the standard output any more");
  }
}

/**
 * The far end of our standard input and output. The input is read from the start, since its end is how a program that was
 * killed makes itself known; others only have no more to say, so then it is looked whether somebody still reads.
 */
export class StdioPeer implements Disposable {
  /** Standard input. */
  readonly input = new PassThrough({ highWaterMark: READ_AHEAD_BYTES });
  readonly #gone = new AbortController();
  readonly #parent = process.ppid;
  #timer: NodeJS.Timeout | undefined;

  constructor(stdin: Readable) {
    stdin.once("end", () => this.#look(FIRST_LOOK_MS));
    // One that cannot be read has no bytes for us: the same as its end.
    stdin.on("error", () => this.input.end());
    this.input.once("close", () => stdin.destroy());
    stdin.pipe(this.input);
  }

  /** Aborted with ReaderGone once nobody reads the output. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Nothing is printed from now on, if that would come after the prompt of the shell from which ssh was started. Then
   * the output is not a terminal, but the error output is.
   */
  hush(): void {
    if (isatty(2) && !isatty(1)) releaseStandardStreams();
  }

  #look(nextMs: number): void {
    if (this.#isGone()) this.#gone.abort(new ReaderGone());
    else this.#timer = setTimeout(() => this.#look(Math.min(2 * nextMs, MAX_LOOK_MS)), nextMs).unref();
  }

  #isGone(): boolean {
    const isRead = isOutputRead();
    if (isRead !== undefined) return !isRead;
    // A process whose parent has ended gets another one, but on Windows.
    return process.ppid !== this.#parent || !isRunning(this.#parent);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.input.destroy();
  }
}

/** Whether a process that we may look into has the other end of our output; undefined when that cannot be known. */
function isOutputRead(): boolean | undefined {
  try {
    const facts = fstatSync(1);
    if (!facts.isFIFO()) return undefined;
    const pipe = `pipe:[${facts.ino}]`;
    if (readlinkSync("/proc/self/fd/1") !== pipe) return undefined;
    const others = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
    return others.some((pid) => reads(pid, pipe));
  } catch {
    // Only Linux tells.
    return undefined;
  }
}

function reads(pid: string, pipe: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === pipe && isForReading(pid, fd),
    );
  } catch {
    // It ended meanwhile, or is another user's.
    return false;
  }
}

/** The last digit of the octal flags is the access mode: 1 is for writing only. */
function isForReading(pid: string, fd: string): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1];
  return flags?.at(-1) !== "1";
}
