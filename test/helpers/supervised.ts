import { setTimeout as sleep } from "node:timers/promises";
import type { TestProcess } from "./process.ts";

/** As systemd's RestartSec, unless told otherwise. */
const RESTART_MS = 100;

/** A process that is started again whenever it has ended, as a supervisor would. Going out of scope ends it for good. */
export class Supervised implements AsyncDisposable {
  readonly name: string;
  /** When it was killed, in time of performance.now(). */
  readonly kills: number[] = [];
  /** How it ended when nobody had killed it: what it said last. */
  readonly ownEnds: string[] = [];
  readonly #start: () => TestProcess;
  readonly #running: Promise<void>;
  #process: TestProcess;
  #isOver = false;
  #isKilled = false;

  constructor(name: string, start: () => TestProcess) {
    this.name = name;
    this.#start = start;
    this.#process = start();
    this.#running = this.#supervise();
  }

  /** The one that runs, or ran last. */
  get process(): TestProcess {
    return this.#process;
  }

  /** SIGKILL; resolves when it has ended, and before it is started again. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    this.kills.push(performance.now());
    await this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#process.kill();
    await this.#running;
  }

  async #supervise(): Promise<void> {
    while (!this.#isOver) {
      const { code, signal } = await this.#process.exited;
      if (this.#isOver) return;
      if (!this.#isKilled) {
        const last = this.#process.lines.stderr.slice(-3).join(" | ");
        this.ownEnds.push(`${this.name} ended with ${code ?? signal}: ${last}`);
      }
      await sleep(RESTART_MS);
      if (this.#isOver) return;
      this.#isKilled = false;
      this.#process = this.#start();
    }
  }
}
