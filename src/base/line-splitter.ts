/** Cuts text that comes in pieces into lines. */
export class LineSplitter {
  readonly #maxLength: number;
  #rest = "";

  /** @param maxLength of a line, in UTF-16 units without its end */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /**
   * The lines that `text` completes, without their ends; undefined when one is too long, finished or not: who sends
   * such a line speaks something else.
   */
  push(text: string): string[] | undefined {
    const lines = `${this.#rest}${text}`.split("\n");
    if (lines.some((line) => line.length > this.#maxLength)) return undefined;
    this.#rest = lines.pop() ?? "";
    return lines;
  }
}
