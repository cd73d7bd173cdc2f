// The terminal's second screen, which leaves no trace on the first one. Ink draws below what is there, by itself.

import process from "node:process";

const ENTER = "\u001b[?1049h";
const LEAVE = "\u001b[?1049l";
/** Ink erases with this what a terminal that became smaller has scrolled away, and all that was said before with it. */
const ERASE_HISTORY = "\u001b[3J";

/** Shows the second screen until it is disposed of, or the process ends. */
export class SecondScreen implements Disposable {
  /** To be drawn on. */
  readonly stdout: NodeJS.WriteStream;
  readonly #leave: () => void;

  constructor(stdout: NodeJS.WriteStream) {
    this.#leave = () => void stdout.write(LEAVE);
    this.stdout = keepingHistory(stdout);
    process.once("exit", this.#leave);
    stdout.write(ENTER);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#leave);
    this.#leave();
  }
}

/** The same stream, but for what would erase the lines above the screen. */
function keepingHistory(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = (text: unknown, ...rest: never[]) =>
    stdout.write((typeof text === "string" ? text.replaceAll(ERASE_HISTORY, "") : text) as string, ...rest);
  return new Proxy(stdout, {
    get(target, name) {
      if (name === "write") return write;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
