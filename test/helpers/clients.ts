import { createHash } from "node:crypto";
import { join } from "node:path";
import { TestProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** What a client does with its connections; client.py says it word by word. */
export type ClientKind = "echo" | "request" | "upload" | "ask" | "hold" | "http";

export interface ClientOptions {
  readonly connections?: number;
  readonly bytes?: number;
  readonly chunk?: number;
  /** Of each HTTP connection. */
  readonly requests?: number;
  readonly way?: "duplex" | "turns";
  /** 1: says that it will send no more after its request. */
  readonly half?: 1;
  /** Seconds between the request and the first read. */
  readonly late?: number;
  readonly sndbuf?: number;
  readonly rcvbuf?: number;
}

/** How a connection of a client went. */
export interface Outcome {
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
  /** The longest time without a byte, seconds. */
  readonly still: number;
  /** `end`, `reset`, or what failed. */
  readonly end: string;
}

/** Clients in a process of their own. Going out of scope kills it. */
export class TestClient implements AsyncDisposable {
  readonly #child: TestProcess;
  readonly #connections: number;

  /** `address`: a port of 127.0.0.1, or the path of a Unix socket. */
  constructor(address: number | string, kind: ClientKind, options: ClientOptions = {}) {
    const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
    const script = join(import.meta.dirname, "client.py");
    const env = { PATH: process.env["PATH"] };
    this.#child = new TestProcess("python3", [script, String(address), kind, ...words], env);
    this.#connections = options.connections ?? 1;
  }

  /** How every connection went, once all have ended. */
  async outcomes(): Promise<readonly Outcome[]> {
    await this.#child.exited;
    const outcomes = this.#child.lines.stdout.map((line) => JSON.parse(line) as Outcome);
    if (outcomes.length !== this.#connections) throw new Error(`a client broke: ${this.#child.stderr}`);
    return outcomes;
  }

  /** Once so many connections take no more of what is written to them, have taken all, or are cut. */
  async stalled(count = 1): Promise<void> {
    await this.#child.waitForLine(/^(stalled|said|gone)$/, "stderr", 30_000);
    await waitFor("the others' standstill", () => this.#child.lines.stderr.length >= count, 60_000);
  }

  /** How its only connection went. */
  async outcome(): Promise<Outcome> {
    const [outcome] = await this.outcomes();
    if (outcome === undefined) throw new Error("a client without a connection");
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.kill();
  }
}

/** SHA-256 of what clients send and services say, of so many bytes. */
export function saidSha256(bytes: number): string {
  const block = Buffer.from(Array.from({ length: 251 * 4_178 }, (_, at) => at % 251));
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= block.length) hash.update(block.subarray(0, left));
  return hash.digest("hex");
}
