import { escapeControl } from "../../base/escape.ts";
import type { TextStream } from "../print/output.ts";

/** Shorter waits than this are not worth a word. */
const PATIENCE_MS = 300;
const FRAME_MS = 100;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Back to the start of the line, and nothing on it. */
const CLEAR_LINE = "\r\u001b[2K";

/** Says what is waited for, once that takes long: a moving line on a terminal, a plain line elsewhere. */
export class Spinner {
  readonly #stream: TextStream;
  readonly #isMoving: boolean;
  #what = "";
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #isDrawn = false;
  #frame = 0;

  constructor(stream: TextStream, term: string | undefined) {
    this.#stream = stream;
    this.#isMoving = stream.isTTY === true && term !== "dumb";
  }

  wait(what: string): void {
    if (what === this.#what) return;
    this.stop();
    this.#what = what;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#show(), PATIENCE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#what = "";
    if (this.#isDrawn) this.#stream.write(CLEAR_LINE);
    this.#isDrawn = false;
  }

  #show(): void {
    const what = escapeControl(`waiting for ${this.#what}`, 200);
    if (!this.#isMoving) {
      this.#stream.write(`tunnel: ${what}\n`);
      return;
    }
    const seconds = Math.floor((performance.now() - this.#startedAt) / 1_000);
    this.#frame = (this.#frame + 1) % FRAMES.length;
    this.#stream.write(`${CLEAR_LINE}${FRAMES[this.#frame]} ${what}${seconds === 0 ? "" : `, ${seconds} s`}`);
    this.#isDrawn = true;
    this.#timer = setTimeout(() => this.#show(), FRAME_MS);
    this.#timer.unref();
  }
}
