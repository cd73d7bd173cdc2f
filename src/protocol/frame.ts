import { RemoteProtocolError } from "../base/errors.ts";

/**
 * Cuts the byte sequence of a WebSocket into messages, however it was sliced or joined into WebSocket frames (P11).
 * Holds at most one unfinished message of 65,535 bytes.
 */
export class FrameSplitter {
  /** First byte of a length whose second has not come. */
  #lengthHigh: number | undefined;
  #message: Uint8Array | undefined;
  #filled = 0;

  /**
   * The bytes of every message that `bytes` completes, in order, without length prefixes: views into `bytes`, or a
   * buffer of its own for a message that came in pieces.
   * @throws RemoteProtocolError on a message of length zero (P11).
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#message === undefined) {
        if (this.#lengthHigh === undefined && at + 1 === bytes.length) {
          this.#lengthHigh = bytes[at];
          break;
        }
        const high = this.#lengthHigh ?? (bytes[at++] as number);
        const length = messageLength(high, bytes[at++] as number);
        this.#lengthHigh = undefined;
        if (at + length <= bytes.length) {
          messages.push(bytes.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#message = new Uint8Array(length);
        this.#filled = 0;
      }
      at = this.#fill(this.#message, bytes, at, messages);
    }
    return messages;
  }

  /** Whether the sequence ends inside a message: at the end of a WebSocket that means bytes were lost. */
  get isInsideMessage(): boolean {
    return this.#message !== undefined || this.#lengthHigh !== undefined;
  }

  #fill(message: Uint8Array, bytes: Uint8Array, at: number, messages: Uint8Array[]): number {
    const end = Math.min(bytes.length, at + message.length - this.#filled);
    message.set(bytes.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled === message.length) {
      messages.push(message);
      this.#message = undefined;
    }
    return end;
  }
}

function messageLength(high: number, low: number): number {
  const length = (high << 8) | low;
  if (length === 0) throw new RemoteProtocolError("P11", "message of length zero");
  return length;
}
