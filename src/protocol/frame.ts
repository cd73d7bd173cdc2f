import { RemoteProtocolError } from "../base/errors.ts";
import { LENGTH_PREFIX_BYTES } from "./constants.ts";

/**
 * Cuts the byte sequence of a WebSocket into frames, each one message behind its length prefix, however the sequence
 * was sliced or joined into WebSocket frames (P11). Holds at most one unfinished frame: 65,537 bytes.
 */
export class FrameSplitter {
  /** First byte of a length whose second has not come. */
  #lengthHigh: number | undefined;
  #unfinished: Uint8Array | undefined;
  #filled = 0;

  /**
   * Every frame that `bytes` completes, in order: views into `bytes`, or a buffer of its own for one that came in
   * pieces.
   * @throws RemoteProtocolError on a message of length zero (P11).
   */
  push(bytes: Uint8Array): Uint8Array[] {
    return this.take(bytes, 0, Number.POSITIVE_INFINITY).frames;
  }

  /** Like push, from `from` on, but of `limit` frames at most; `end` is where the next ones begin. */
  take(
    bytes: Uint8Array,
    from: number,
    limit: number,
  ): { readonly frames: Uint8Array[]; readonly end: number } {
    const frames: Uint8Array[] = [];
    let at = from;
    while (at < bytes.length && frames.length < limit) {
      if (this.#unfinished !== undefined) {
        at = this.#fill(this.#unfinished, bytes, at, frames);
      } else if (this.#lengthHigh === undefined && at + 1 < bytes.length) {
        const length = frameLength(bytes[at] as number, bytes[at + 1] as number);
        if (at + length > bytes.length) this.#begin(length);
        else {
          frames.push(bytes.subarray(at, at + length));
          at += length;
        }
      } else {
        at = this.#takeLengthByte(bytes[at] as number, at);
      }
    }
    return { frames, end: at };
  }

  /** One byte of a length that came in two pieces. */
  #takeLengthByte(byte: number, at: number): number {
    if (this.#lengthHigh === undefined) {
      this.#lengthHigh = byte;
    } else {
      const unfinished = this.#begin(frameLength(this.#lengthHigh, byte));
      unfinished[0] = this.#lengthHigh;
      unfinished[1] = byte;
      this.#filled = LENGTH_PREFIX_BYTES;
      this.#lengthHigh = undefined;
    }
    return at + 1;
  }

  #begin(length: number): Uint8Array {
    this.#unfinished = new Uint8Array(length);
    this.#filled = 0;
    return this.#unfinished;
  }

  #fill(unfinished: Uint8Array, bytes: Uint8Array, at: number, frames: Uint8Array[]): number {
    const end = Math.min(bytes.length, at + unfinished.length - this.#filled);
    unfinished.set(bytes.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled === unfinished.length) {
      frames.push(unfinished);
      this.#unfinished = undefined;
    }
    return end;
  }
}

function frameLength(high: number, low: number): number {
  const length = (high << 8) | low;
  if (length === 0) throw new RemoteProtocolError("P11", "message of length zero");
  return LENGTH_PREFIX_BYTES + length;
}
