const WINDOW_MS = 60_000;

interface Window {
  readonly since: number;
  lines: number;
  /** Lines left out since the last one that was written. */
  suppressed: number;
}

/** Ends a line before which others of its kind were left out; nothing when none were. */
export function moreWords(suppressed: number): string {
  return suppressed === 0 ? "" : ` (and ${suppressed} more like it)`;
}

/** Lets some lines of a kind through in a minute and counts the rest. The kinds are a closed list, so it does not grow. */
export class LineLimit {
  readonly #windows = new Map<string, Window>();

  /**
   * How many lines of this kind were left out before this one; undefined when this one is to be left out.
   * @param lines of this kind in a minute
   */
  pass(kind: string, now: number, lines: number): number | undefined {
    const window = this.#windows.get(kind);
    if (window === undefined || now - window.since >= WINDOW_MS) {
      this.#windows.set(kind, { since: now, lines: 1, suppressed: 0 });
      return window?.suppressed ?? 0;
    }
    if (window.lines >= lines) {
      window.suppressed += 1;
      return undefined;
    }
    window.lines += 1;
    return 0;
  }
}
