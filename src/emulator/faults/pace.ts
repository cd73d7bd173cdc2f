/** A bound on bytes a second that several senders share. Times are milliseconds. */
export class Rate {
  readonly #bytesPerSecond: number;
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** When bytes that are there `now` have passed. */
  pass(bytes: number, now: number): number {
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes * 1_000) / this.#bytesPerSecond;
    return this.#freeAt;
  }
}

/** Hands messages on in their order, later than they come: after a delay, and no faster than its rates allow. */
export class Pacer {
  readonly #delayMs: number;
  readonly #rates: readonly Rate[];
  readonly #send: (bytes: Uint8Array) => void;
  readonly #queue: { readonly bytes: Uint8Array; readonly dueAt: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitingBytes = 0;

  constructor(
    limits: { readonly delayMs: number; readonly rates: readonly Rate[] },
    send: (bytes: Uint8Array) => void,
  ) {
    this.#delayMs = limits.delayMs;
    this.#rates = limits.rates;
    this.#send = send;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get waitingMessages(): number {
    return this.#queue.length;
  }

  push(bytes: Uint8Array): void {
    const now = performance.now();
    const passed = Math.max(now, ...this.#rates.map((rate) => rate.pass(bytes.length, now)));
    // The buffer it is a view of may be a hundred times as large.
    this.#queue.push({ bytes: Uint8Array.from(bytes), dueAt: passed + this.#delayMs });
    this.#waitingBytes += bytes.length;
    this.#arm();
  }

  /** Drops what waits. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#waitingBytes = 0;
  }

  #arm(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#release(), Math.max(first.dueAt - performance.now(), 0));
  }

  #release(): void {
    this.#timer = undefined;
    const now = performance.now();
    const count = this.#queue.findIndex(({ dueAt }) => dueAt > now);
    for (const { bytes } of this.#queue.splice(0, count === -1 ? this.#queue.length : count)) {
      this.#waitingBytes -= bytes.length;
      this.#send(bytes);
    }
    this.#arm();
  }
}
