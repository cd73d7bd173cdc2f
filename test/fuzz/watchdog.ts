// Ends the process when one execution does not come back: nothing else can end a loop on the same thread.
import { Worker } from "node:worker_threads";

/** An execution that returns may take this long; a longer one is a finding. */
export const LIMIT_MS = 1_000;
/** One that does not return is given up after this: other work of the machine may hold ours up for seconds. */
const STUCK_MS = 10_000;
const MAX_BYTES = 1 << 20;

/** Runs beside the executions, with a copy of the input of each. Words: count of executions, length, target's number. */
const WATCHER = `
const { mkdirSync, writeFileSync } = require("node:fs");
const { createHash } = require("node:crypto");
const { workerData: { words, bytes, seeds, names } } = require("node:worker_threads");
let last = -1, since = Date.now();
setInterval(() => {
  const count = Atomics.load(words, 0);
  if (count !== last || count % 2 === 0) { last = count; since = Date.now(); return; }
  if (Date.now() - since < ${STUCK_MS}) return;
  const input = Buffer.from(bytes.slice(0, words[1]));
  const name = names[words[2]];
  const path = seeds + "/" + name + "/" + createHash("sha256").update(input).digest("hex").slice(0, 16);
  mkdirSync(seeds + "/" + name, { recursive: true });
  writeFileSync(path, input);
  require("node:fs").writeSync(2, name + ": no end after ${STUCK_MS} ms, kept as " + path + "\\n");
  process.kill(process.pid, "SIGKILL");
}, 500);
`;

/** Watches executions; `enter` before each, `leave` after it. */
export class Watchdog {
  readonly #words = new Int32Array(new SharedArrayBuffer(12));
  readonly #bytes = new Uint8Array(new SharedArrayBuffer(MAX_BYTES));
  readonly #worker: Worker;

  /** @param seeds directory in which an input without end is kept, below the name of its target */
  constructor(seeds: string, names: readonly string[]) {
    const workerData = { words: this.#words, bytes: this.#bytes, seeds, names };
    this.#worker = new Worker(WATCHER, { eval: true, workerData });
    this.#worker.unref();
  }

  enter(target: number, input: Uint8Array): void {
    this.#bytes.set(input);
    this.#words[1] = input.length;
    this.#words[2] = target;
    Atomics.add(this.#words, 0, 1);
  }

  leave(): void {
    Atomics.add(this.#words, 0, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
