/** Reads an input as a row of choices: any bytes are a sound program, and a changed byte is a changed choice. */
export class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** 0 to 255; 0 behind the end. */
  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** 0 to `limit` - 1, at most 256 choices. */
  below(limit: number): number {
    return this.byte() % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  uint32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
  }

  /** The next bytes, fewer at the end: a view. */
  take(length: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length);
  }
}
