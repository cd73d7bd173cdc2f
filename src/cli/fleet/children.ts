import { type ChildProcess, spawn } from "node:child_process";
import { addAbortListener } from "node:events";
import process from "node:process";
import type { Env } from "../../base/env.ts";
import { childOf, endOf } from "../process/child.ts";
import { onRepeatOf, stopNameOf } from "../process/stop-signal.ts";
import { OutputLines } from "./lines.ts";

/** The streams of a command that are handed on. */
export type OutputName = "stdout" | "stderr";

/** Takes lines of a command's output; resolves when there is room for more. */
export type TakeLines = (stream: OutputName, lines: readonly string[]) => Promise<void>;

/**
 * The commands that run at a time, each in a process group of its own: a terminal's Ctrl-C reaches them through us, once,
 * and so do the programs that they started. Our stop signal is handed on to all of them, and a further one kills them.
 */
export class Children implements Disposable {
  readonly #running = new Set<ChildProcess>();
  readonly #stop: AbortSignal;
  readonly #listening: Disposable;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
    this.#listening = addAbortListener(stop, () => this.#endAll());
  }

  /**
   * Runs a command without input, until it ends; `signal` ends it alone.
   * @returns its exit code, or 128+n when signal n ended it. Throws UsageError when it cannot be started.
   */
  async run(command: readonly string[], env: Env, take: TakeLines, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const { file, words, ...rest } = childOf(command, env);
    const child = spawn(file, words, { stdio: ["ignore", "pipe", "pipe"], detached: true, ...rest });
    this.#running.add(child);
    // The stop signal, which it follows too, has been handed on to all.
    using _ = addAbortListener(signal, () => this.#stop.aborted || this.#end(child));
    const ended = endOf(child, command);
    const outputs = [
      new OutputLines(child.stdout, (lines) => take("stdout", lines)),
      new OutputLines(child.stderr, (lines) => take("stderr", lines)),
    ];
    try {
      return await ended;
    } finally {
      // What it had started and left behind: a shell's background programs are deaf to SIGINT.
      if (signal.aborted) signalGroup(child, "SIGTERM");
      await Promise.all(outputs.map((output) => output.finish()));
      this.#running.delete(child);
      if (this.#running.size === 0) onRepeatOf(this.#stop, undefined);
    }
  }

  #endAll(): void {
    if (this.#running.size === 0) return;
    onRepeatOf(this.#stop, () => {
      for (const child of this.#running) signalGroup(child, "SIGKILL");
    });
    for (const child of this.#running) this.#end(child);
  }

  #end(child: ChildProcess): void {
    signalGroup(child, stopNameOf(this.#stop));
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}

/** Where there are no process groups, the command alone gets it. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // All of it has ended.
  }
}
