/** Where in an MQTT packet the next byte lies. */
type State =
  | { readonly at: "type" }
  | { readonly at: "length"; readonly value: number; readonly shift: number }
  | { readonly at: "body"; readonly left: number };

const CONTINUES = 0x80;
/** A fourth byte of the length is the last (MQTT 3.1.1 section 2.2.3). */
const MAX_SHIFT = 21;

/** Follows the fixed headers in a stream of MQTT packets, to find one that is too long before it is stored. */
export class PacketMeter {
  readonly #maxBytes: number;
  #state: State = { at: "type" };

  /** `maxBytes`: of a packet, behind its fixed header. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes; false when a packet in them announces more than is allowed, or a length that is none. */
  accept(bytes: Uint8Array): boolean {
    for (let offset = 0; offset < bytes.length; ) {
      if (this.#state.at === "body") {
        const skipped = Math.min(this.#state.left, bytes.length - offset);
        offset += skipped;
        this.#enterBody(this.#state.left - skipped);
      } else {
        const isGood = this.#acceptHeader(bytes[offset] ?? 0);
        offset += 1;
        if (!isGood) {
          return false;
        }
      }
    }
    return true;
  }

  #acceptHeader(byte: number): boolean {
    if (this.#state.at !== "length") {
      this.#state = { at: "length", value: 0, shift: 0 };
      return true;
    }
    const { shift } = this.#state;
    const value = this.#state.value + ((byte & ~CONTINUES) << shift);
    if (value > this.#maxBytes) {
      return false;
    }
    if ((byte & CONTINUES) === 0) {
      this.#enterBody(value);
      return true;
    }
    this.#state = { at: "length", value, shift: shift + 7 };
    return shift < MAX_SHIFT;
  }

  #enterBody(left: number): void {
    this.#state = left === 0 ? { at: "type" } : { at: "body", left };
  }
}
