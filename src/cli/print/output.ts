// Answers on stdout: aligned text for people, one JSON document a line for scripts. Every method makes what it is given
// safe for a terminal: commands hand over texts of the service, of devices and of files as they are.

import { escapeControl, escapeLines, jsonLine } from "../../base/escape.ts";
import { layOut } from "./columns.ts";

/** Where text goes, and whether a person looks at it. */
export interface TextStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Answers go to `out`, remarks for people to `err`. */
export class Output {
  readonly json: boolean;
  /** Answers may be coloured. */
  readonly colours: boolean;
  readonly #out: TextStream;
  readonly #err: TextStream;
  readonly #isLogJson: boolean;
  readonly #waiting: string[] = [];

  constructor(options: {
    readonly json: boolean;
    readonly out: TextStream;
    readonly err: TextStream;
    readonly colours: boolean;
    /** Remarks are log lines in JSON, so that all of stderr is. */
    readonly isLogJson: boolean;
  }) {
    this.#isLogJson = options.isLogJson;
    this.json = options.json;
    this.#out = options.out;
    this.#err = options.err;
    this.colours = options.colours && !options.json;
  }

  /** One line of an answer, for people; a line break in it is escaped. */
  line(text: string): void {
    this.#out.write(`${escapeControl(text, Number.POSITIVE_INFINITY)}\n`);
  }

  /** A script or another file to keep: several lines, whose breaks must be our own. */
  script(text: string): void {
    this.#out.write(`${escapeLines(text)}\n`);
  }

  /** One JSON document on a line of its own. Dates become ISO 8601 texts. */
  document(value: unknown): void {
    this.#out.write(jsonLine(value));
  }

  /** A remark on stderr, not part of the answer. */
  remark(text: string): void {
    const message = escapeControl(text, 1_000);
    const facts = { time: new Date().toISOString(), level: "info", area: "note", message };
    this.#err.write(this.#isLogJson ? jsonLine(facts) : `tunnel: ${message}\n`);
  }

  /**
   * A remark about where the answer comes from. With JSON it waits for flush, so that stderr holds the error
   * alone if there is one.
   */
  announce(text: string): void {
    if (this.json) {
      this.#waiting.push(text);
    } else {
      this.remark(text);
    }
  }

  /** Writes the announcements that wait. */
  flush(): void {
    for (const text of this.#waiting.splice(0)) this.remark(text);
  }

  /** Rows of cells under a heading, columns aligned. Control characters in cells are escaped. */
  async table(heading: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
    const cells = rows.map((row) => row.map((cell) => escapeControl(cell, 200)));
    const lines = await layOut([heading, ...cells], (cell, row) => (row === 0 ? this.dim(cell) : cell));
    this.#writeLines(lines);
  }

  /** Name and value pairs, one a line; pairs without a value are left out. */
  async facts(pairs: readonly (readonly [string, string | undefined])[]): Promise<void> {
    const rows = pairs.flatMap(([name, value]) =>
      value === undefined ? [] : [[name, escapeControl(value, 2_048)]],
    );
    this.#writeLines(await layOut(rows, (cell, _, column) => (column === 0 ? this.dim(cell) : cell)));
  }

  /** Headings and labels, so that values stand out. */
  dim(text: string): string {
    return this.colours ? `\u001b[2m${text}\u001b[22m` : text;
  }

  #writeLines(lines: readonly string[]): void {
    this.#out.write(lines.map((line) => `${line}\n`).join(""));
  }
}
