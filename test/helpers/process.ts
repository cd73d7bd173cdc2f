import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { within } from "./wait.ts";

/** How a process ended: its exit code, or the signal that killed it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type Stream = "stdout" | "stderr";

/** A child process and every line it has said. Going out of scope (`await using`) kills it. */
export class TestProcess implements AsyncDisposable {
  readonly exited: Promise<Exit>;
  readonly lines: Record<Stream, string[]> = { stdout: [], stderr: [] };
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #news = new EventEmitter();

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#name = [command, ...args].join(" ");
    this.#child = spawn(command, args, { env });
    this.exited = this.#watchExit();
    this.exited.catch(() => {}); // whoever waits for it is told
    this.#collect("stdout");
    this.#collect("stderr");
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`did not start: ${this.#name}`);
    return pid;
  }

  get stdout(): string {
    return this.lines.stdout.join("\n");
  }

  get stderr(): string {
    return this.lines.stderr.join("\n");
  }

  /** The first line of a stream that matches, said before or after this call. */
  waitForLine(pattern: RegExp, stream: Stream = "stdout", timeoutMs = 10_000): Promise<RegExpExecArray> {
    return within(
      `${pattern} on ${stream} of ${this.#name}`,
      this.#findLine(pattern, stream),
      timeoutMs,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${this.stdout}\n${this.stderr}`);
    });
  }

  /** Writes to the process; without text, ends its input. */
  send(text?: string | Uint8Array): void {
    if (text === undefined) this.#child.stdin?.end();
    else this.#child.stdin?.write(text);
  }

  /** Stops reading its output, so that it waits in the pipe. */
  hold(): void {
    this.#child.stdout?.pause();
  }

  /** Has had enough of its output: what it writes from now on fails. */
  close(): void {
    this.#child.stdin?.on("error", () => {}); // it may end before it has read what it is sent
    this.#child.stdout?.destroy();
  }

  /** Goes on reading. */
  release(): void {
    this.#child.stdout?.resume();
  }

  /** Nothing once it has ended. Not by the child's own method: under Deno that sends one signal, then no other. */
  signal(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(pid, signal);
  }

  /** SIGTERM, then waits for the end. */
  async stop(timeoutMs = 10_000): Promise<Exit> {
    this.signal("SIGTERM");
    return await within(`the end of ${this.#name}`, this.exited, timeoutMs);
  }

  /** SIGKILL, then waits for the end. */
  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #watchExit(): Promise<Exit> {
    const child = this.#child;
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...end) => resolve(end));
    });
    this.#news.emit("news");
    return { code, signal };
  }

  #collect(stream: Stream): void {
    const input = this.#child[stream];
    if (input === null) return;
    createInterface({ input }).on("line", (line) => {
      this.lines[stream].push(line);
      this.#news.emit("news");
    });
  }

  async #findLine(pattern: RegExp, stream: Stream): Promise<RegExpExecArray> {
    let seen = 0;
    while (true) {
      for (; seen < this.lines[stream].length; seen += 1) {
        const match = pattern.exec(this.lines[stream][seen] ?? "");
        if (match !== null) return match;
      }
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        await this.exited;
        if (seen === this.lines[stream].length) {
          throw new Error(`no ${pattern} on ${stream} of ${this.#name}`);
        }
      } else await once(this.#news, "news");
    }
  }
}
