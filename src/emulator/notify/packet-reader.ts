/** A packet as it comes: the first byte, and what stands behind the length. */
export interface RawPacket {
  /** Packet type, 0 to 15. */
  readonly type: number;
  /** The four low bits of the first byte. */
  readonly flags: number;
  readonly body: Uint8Array;
}

const CONTINUES = 0x80;
/** A fourth byte of the length is the last (MQTT 3.1.1 section 2.2.3). */
const MAX_LENGTH_BYTES = 4;

/** Cuts a stream of bytes into MQTT packets. It stores one packet at most, and none that is too long. */
export class PacketReader {
  readonly #maxBytes: number;
  #head: number[] = [];
  #body: Uint8Array | undefined;
  #filled = 0;

  /** `maxBytes`: of a packet, behind its fixed header. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes and yields the packets they complete. Throws TypeError for a length that is not allowed. */
  *push(bytes: Uint8Array): Generator<RawPacket> {
    for (let offset = 0; offset < bytes.length || this.#isWhole(); ) {
      if (this.#body === undefined) {
        this.#takeHead(bytes[offset] ?? 0);
        offset += 1;
      } else {
        const part = bytes.subarray(offset, offset + this.#body.length - this.#filled);
        this.#body.set(part, this.#filled);
        this.#filled += part.length;
        offset += part.length;
      }
      if (this.#isWhole()) yield this.#take();
    }
  }

  #isWhole(): boolean {
    return this.#body !== undefined && this.#filled === this.#body.length;
  }

  #takeHead(byte: number): void {
    this.#head.push(byte);
    if (this.#head.length === 1) return;
    const length = this.#head
      .slice(1)
      .reduce((sum, part, place) => sum + (part & ~CONTINUES) * 128 ** place, 0);
    if (length > this.#maxBytes) throw new TypeError(`a packet of more than ${this.#maxBytes} bytes`);
    if ((byte & CONTINUES) === 0) this.#body = new Uint8Array(length);
    else if (this.#head.length > MAX_LENGTH_BYTES) throw new TypeError("a length of more than four bytes");
  }

  #take(): RawPacket {
    const [first = 0] = this.#head;
    const body = this.#body ?? new Uint8Array();
    this.#head = [];
    this.#body = undefined;
    this.#filled = 0;
    return { type: first >> 4, flags: first & 0x0f, body };
  }
}
