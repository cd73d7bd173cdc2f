import type { SendPool } from "./pool.ts";

/** Bytes of a connection that travel before its first credit, and that are kept for it beside the pool (P92, P95). */
export const FIRST_BYTES = 16 * 1024;
/** What is kept of a connection before the other end has said HELLO, as long as the pool has it (P99). */
const UNCERTAIN_BYTES = 256 * 1024;

/**
 * What one connection has sent: counted from its first byte, and kept from the first that the other end has not
 * acknowledged, so that it can be sent again (P93, P94). All counts are bytes from the beginning of the connection.
 */
export class Outgoing {
  sent = 0;
  acknowledged = 0;
  /** The application will send no more. */
  hasEnded = false;
  /** … and the other end was told so, or will be with the next control message. */
  isFinTold = false;
  readonly #pool: SendPool;
  /** What may be sent in all; without limit until both ends have said HELLO. */
  #limit = Number.POSITIVE_INFINITY;
  #kept: Uint8Array[] = [];
  #keptFrom = 0;
  /** The other end has said that it received so much: what is handed on over there is acknowledged later. */
  #confirmed = 0;
  #reserved = 0;
  /** Both ends speak: everything is kept. Before, a little is. */
  #isOpen = false;
  #isKeeping = true;

  constructor(pool: SendPool) {
    this.#pool = pool;
    pool.join();
  }

  /** Both ends have said HELLO. @param window what may be sent without a credit */
  open(window: number): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#isKeeping = true;
    this.#limit = window;
  }

  /** The other end is about to say HELLO, most likely: little is sent until then. */
  await(): void {
    if (!this.#isOpen) this.#limit = FIRST_BYTES;
  }

  /** It has not. */
  awaitNoMore(): void {
    if (!this.#isOpen) this.#limit = Number.POSITIVE_INFINITY;
  }

  /** The other end will hardly speak: nothing is kept for it. */
  forgo(): void {
    if (this.#isOpen) return;
    this.#isKeeping = false;
    this.#dropTo(this.sent);
  }

  /** Bytes that may go out now. */
  get allowance(): number {
    if (!this.#isOpen) return Math.max(0, this.#limit - this.sent);
    const room = Math.max(0, FIRST_BYTES - this.keptBytes) + this.#pool.left;
    return Math.max(0, Math.min(this.#limit - this.sent, room));
  }

  get keptBytes(): number {
    return this.sent - this.#keptFrom;
  }

  /** Whether everything that the other end may lack can be sent again. */
  get isWhole(): boolean {
    return this.#isOpen && this.#keptFrom <= Math.max(this.acknowledged, this.#confirmed);
  }

  /** Whether the end of file has been handed on over there. */
  get isFinAcknowledged(): boolean {
    return this.isFinTold && this.acknowledged === this.sent + 1;
  }

  /** Whether nothing of it is on its way. */
  get isDone(): boolean {
    return this.hasEnded ? this.isFinAcknowledged : this.acknowledged === this.sent;
  }

  /** Bytes went out, in one message. Do not change the buffer. */
  send(bytes: Uint8Array): void {
    this.sent += bytes.length;
    if (!this.#isOpen && this.#isTooMuch) this.#isKeeping = false;
    if (!this.#isKeeping) return this.#dropTo(this.sent);
    this.#kept.push(bytes);
    this.#reserve();
  }

  /** @returns false for a credit that cannot be */
  credit(limit: number, acknowledged: number): boolean {
    if (acknowledged > this.sent + (this.isFinTold ? 1 : 0)) return false;
    if (this.#isOpen) this.#limit = Math.max(this.#limit, limit);
    if (acknowledged <= this.acknowledged) return true;
    this.acknowledged = acknowledged;
    this.#dropTo(Math.min(acknowledged, this.sent));
    return true;
  }

  /**
   * The other end has so many bytes: everything after them is to be sent again.
   * @returns undefined when that is not kept
   */
  rewind(received: number): readonly Uint8Array[] | undefined {
    const isFitting = received >= this.#keptFrom && received <= this.sent;
    if (!isFitting || received < Math.min(this.acknowledged, this.sent)) return undefined;
    this.#dropTo(received);
    this.#confirmed = received;
    const again = this.#kept;
    const isFinAcknowledged = this.isFinAcknowledged;
    this.#kept = [];
    this.sent = received;
    this.#reserve();
    if (!isFinAcknowledged) this.isFinTold = false;
    return again;
  }

  /** The connection is over: nothing is kept. */
  release(): void {
    this.#kept = [];
    this.#keptFrom = this.sent;
    this.#pool.leave(this.#reserved);
    this.#reserved = 0;
  }

  get #isTooMuch(): boolean {
    return this.keptBytes > (this.#pool.left > 0 ? UNCERTAIN_BYTES : FIRST_BYTES);
  }

  #dropTo(count: number): void {
    while (this.#keptFrom < count) {
      const first = this.#kept[0];
      if (first === undefined) {
        this.#keptFrom = count;
        break;
      }
      const part = Math.min(first.length, count - this.#keptFrom);
      this.#keptFrom += part;
      if (part === first.length) this.#kept.shift();
      else this.#kept[0] = first.subarray(part);
    }
    this.#reserve();
  }

  #reserve(): void {
    this.#reserved = this.#pool.set(this.#reserved, Math.max(0, this.keptBytes - FIRST_BYTES));
  }
}
