import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** A line that does not end is handed on in pieces of this many UTF-16 units. */
const MAX_LINE = 64 * 1024;
/** How long output may stay silent once its command has ended; a program left in the background may hold it for ever. */
const SILENCE_MS = 1_000;

/** Text in pieces → whole lines. */
export class OutputSplitter {
  #rest = "";

  /** The lines that are complete now. */
  add(text: string): string[] {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE) lines.push(this.#rest.slice(0, MAX_LINE));
    this.#rest = this.#rest.length > MAX_LINE ? this.#rest.slice(MAX_LINE) : this.#rest;
    return lines.map(asShown);
  }

  /** What came after the last line break. */
  end(): string[] {
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? [] : [asShown(rest)];
  }
}

/** What a terminal would be left with after carriage returns, as progress bars write them: what follows the last one. */
function asShown(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

/** Hands a command's output on by lines, no faster than they are taken. */
export class OutputLines {
  readonly #stream: Readable;
  /** When something last came, or undefined while lines are being taken. */
  #silentSince: number | undefined = performance.now();
  /** Once all was handed on. Never rejected. */
  readonly #done: Promise<void>;

  constructor(stream: Readable, write: (lines: readonly string[]) => Promise<void>) {
    this.#stream = stream.setEncoding("utf8");
    this.#done = this.#pump(write).catch(() => {}); // cut, by us: what came has been handed on
  }

  /** The command has ended: waits for the rest of its output, but not for what is silent and still open. */
  async finish(): Promise<void> {
    const since = performance.now();
    const over = new AbortController();
    const watch = async () => {
      while (!this.#isSilent(since)) await sleep(SILENCE_MS / 10, undefined, { signal: over.signal });
      this.#stream.destroy();
    };
    watch().catch(() => {}); // it was over before
    await this.#done;
    over.abort();
  }

  #isSilent(since: number): boolean {
    return (
      this.#silentSince !== undefined && performance.now() - Math.max(since, this.#silentSince) > SILENCE_MS
    );
  }

  async #pump(write: (lines: readonly string[]) => Promise<void>): Promise<void> {
    const splitter = new OutputSplitter();
    const take = async (lines: readonly string[]) => {
      this.#silentSince = undefined;
      if (lines.length > 0) await write(lines);
      this.#silentSince = performance.now();
    };
    try {
      for await (const chunk of this.#stream) await take(splitter.add(chunk));
    } finally {
      await take(splitter.end());
    }
  }
}
