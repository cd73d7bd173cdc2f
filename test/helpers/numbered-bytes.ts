// Bytes that say where they belong: every word of eight names its connection, its direction and its place. So a reader
// knows of each whether it is the next one, and of a wrong one where it came from: another connection (spliced), an
// earlier place (doubled) or a later one (lost or out of order).

/** Bytes of one word: connection and direction, then the number of the word, each 32 bits. */
export const WORD_BYTES = 8;
const HALF = 4;
/** `down` has this bit in the first half of each of its words. */
const DOWN_BIT = 0x80000000;

/** Which stream a byte belongs to. */
export interface StreamName {
  /** Below 2^31. */
  readonly connection: number;
  /** `up` from whoever connected. */
  readonly direction: "up" | "down";
}

/** `length` bytes of a stream from byte `offset` on. */
export function numberedBytes(stream: StreamName, offset: number, length: number): Buffer {
  const first = Math.floor(offset / WORD_BYTES);
  const last = Math.ceil((offset + length) / WORD_BYTES);
  const halves = new Uint32Array((last - first) * 2);
  const mark = markOf(stream);
  for (let word = first, at = 0; word < last; word += 1) {
    halves[at++] = mark;
    halves[at++] = word;
  }
  return Buffer.from(halves.buffer, offset - first * WORD_BYTES, length);
}

/** The stream that a word begins, as its first eight bytes tell. */
export function streamOf(word: Buffer): StreamName {
  const mark = word.readUInt32LE(0);
  return {
    connection: mark & ~DOWN_BIT,
    direction: (mark & DOWN_BIT) === 0 ? "up" : "down",
  };
}

/** Compares what comes with what belongs there, byte by byte. */
export class NumberedReader {
  readonly #stream: StreamName;
  #count = 0;

  constructor(stream: StreamName) {
    this.#stream = stream;
  }

  /** Bytes that came and were right. */
  get count(): number {
    return this.#count;
  }

  /** What is wrong with the next bytes, in a sentence; undefined when they are what belongs there. */
  take(bytes: Buffer): string | undefined {
    const expected = numberedBytes(this.#stream, this.#count, bytes.length);
    if (bytes.equals(expected)) {
      this.#count += bytes.length;
      return undefined;
    }
    const wrong = bytes.findIndex((byte, index) => byte !== expected[index]);
    const at = this.#count + wrong;
    this.#count = at;
    return `byte ${at} of ${describe(this.#stream)} is wrong: there is ${origin(bytes, wrong, at)}`;
  }
}

/** The place that the word around the wrong byte gives itself, or the one after it where that is not whole. */
function origin(bytes: Buffer, wrong: number, at: number): string {
  const own = wrong - (at % WORD_BYTES);
  const start = own < 0 ? own + WORD_BYTES : own;
  if (start + WORD_BYTES > bytes.length) return bytes.subarray(wrong, wrong + WORD_BYTES).toString("hex");
  const word = bytes.subarray(start, start + WORD_BYTES);
  return `byte ${word.readUInt32LE(HALF) * WORD_BYTES} of ${describe(streamOf(word))}`;
}

function describe({ connection, direction }: StreamName): string {
  return `connection ${connection} ${direction}`;
}

function markOf({ connection, direction }: StreamName): number {
  return (direction === "down" ? connection | DOWN_BIT : connection) >>> 0;
}
