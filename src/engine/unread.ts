/** Counted for every write besides its bytes, so that a flood of one-byte messages is bounded too. */
const WRITE_OVERHEAD_BYTES = 256;
/** Part of the memory that is used while applications read: more would only be older when they get to it. */
const USUAL_PART = 1 / 4;
/** When it was held for so long, the tunnel is read on into the rest of the memory: to see who else is waiting there. */
const PATIENCE_MS = 1_000;
/** Room after which the tunnel is read on when somebody is slow: less than one message of a fast sender. */
const SLOW_ROOM_BYTES = 16 * 1024;
/** Who has so much waiting while the tunnel is held has its part in it: many that stand still are given up together. */
const STALLED_BYTES = 128 * 1024;
/** Who takes so much in one stall time lives, however slow it is beside what is sent to it. */
const PROGRESS_BYTES = 1024 * 1024;

interface Account {
  /** What waits, with its overhead. */
  cost: number;
  bytes: number;
  /** How long it has held up the tunnel, of late. */
  spentMs: number;
}

/**
 * What waits for each local socket because its application does not read. The wire has no windows, so that one full
 * application can only be waited for by not reading the tunnel, for all (P62): that is put off until a bounded memory
 * is full, and each socket with more than its share of it may make the others wait for the stall time in all. What it
 * takes, and time in which it holds up nobody, is given back.
 */
export class Unread {
  readonly #heldBytes: number;
  readonly #stallTimeoutMs: number;
  readonly #accounts = new Map<number, Account>();
  #total = 0;
  #isHolding = false;
  /** Since when the tunnel is held at the usual limit. */
  #heldSince: number | undefined;
  /** Somebody has stalled: the whole memory is used. */
  #isDeep = false;
  #settledAt = 0;

  /**
   * @param heldBytes what may wait for all local sockets together before the tunnel is not read any more
   * @param stallTimeoutMs how long one socket may hold up the tunnel
   */
  constructor(heldBytes: number, stallTimeoutMs: number) {
    this.#heldBytes = heldBytes;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  /** Whether the tunnel must not be read now. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  bytesOf(key: number): number {
    return this.#accounts.get(key)?.bytes ?? 0;
  }

  /** Bytes were written to a socket. */
  wrote(key: number, bytes: number): void {
    const account = this.#accounts.get(key) ?? { cost: 0, bytes: 0, spentMs: 0 };
    this.#accounts.set(key, account);
    account.bytes += bytes;
    this.#setCost(account, account.cost + bytes + WRITE_OVERHEAD_BYTES);
  }

  /**
   * So many bytes wait for a socket now.
   * @param isAlone no other connection is open that could be held up
   * @param seenBytes what its application was seen to take of bytes that do not wait here any more
   */
  room(key: number, bytes: number, isAlone: boolean, seenBytes = 0): void {
    const account = this.#accounts.get(key);
    if (account === undefined) return;
    const taken = account.bytes - bytes + seenBytes;
    this.#setCost(account, bytes === 0 ? 0 : (account.cost * bytes) / Math.max(account.bytes, 1));
    account.bytes = bytes;
    if (taken <= 0) return;
    const back = isAlone ? Number.POSITIVE_INFINITY : (taken / PROGRESS_BYTES) * this.#stallTimeoutMs;
    account.spentMs = Math.max(0, account.spentMs - back);
    if (bytes === 0 && account.spentMs === 0) this.#accounts.delete(key);
  }

  remove(key: number): void {
    const account = this.#accounts.get(key);
    if (account === undefined) return;
    this.#total -= account.cost;
    this.#accounts.delete(key);
  }

  /**
   * Takes time into account; call it after every input.
   * @param isAlone whether nobody can be held up by the socket of a key: it is not charged
   * @returns keys of the sockets to give up
   */
  settle(now: number, isAlone: (key: number) => boolean): readonly number[] {
    const passedMs = now - this.#settledAt;
    this.#settledAt = now;
    if (!this.#isHolding && this.#accounts.size === 0) return [];
    this.#charge(passedMs, isAlone);
    this.#decide(now);
    return this.#culprits()
      .filter(([, { spentMs }]) => spentMs >= this.#stallTimeoutMs)
      .map(([key]) => key);
  }

  #decide(now: number): void {
    const usual = this.#heldBytes * USUAL_PART;
    if (this.#total < usual / 2) this.#isDeep = false;
    if (this.#heldSince !== undefined && now - this.#heldSince >= PATIENCE_MS) this.#isDeep = true;
    const limit = this.#isDeep ? this.#heldBytes : usual;
    // With somebody slow it is read on after every little that is taken: the sender's link lives by what we read (P61).
    const room = this.#isDeep ? Math.min(limit / 16, SLOW_ROOM_BYTES) : limit / 2;
    this.#isHolding = this.#total >= (this.#isHolding ? limit - room : limit);
    if (this.#isDeep || !this.#isHolding) this.#heldSince = undefined;
    else this.#heldSince ??= now;
  }

  /** When `settle` will have somebody to give up, or undefined; as of the last `settle`. */
  deadline(): number | undefined {
    if (this.#heldSince !== undefined) return this.#heldSince + PATIENCE_MS;
    const left = this.#culprits().map(([, { spentMs }]) => this.#stallTimeoutMs - spentMs);
    return left.length === 0 ? undefined : this.#settledAt + Math.max(0, Math.min(...left));
  }

  #charge(passedMs: number, isAlone: (key: number) => boolean): void {
    const culprits = new Set(this.#culprits().flatMap(([key]) => (isAlone(key) ? [] : key)));
    for (const [key, account] of this.#accounts) {
      account.spentMs = Math.max(0, account.spentMs + (culprits.has(key) ? passedMs : -passedMs));
      if (account.bytes === 0 && account.spentMs === 0) this.#accounts.delete(key);
    }
  }

  /** Those that have more than their share of what holds up the tunnel. */
  #culprits(): [number, Account][] {
    if (!this.#isHolding || !this.#isDeep) return [];
    const waiting = [...this.#accounts].filter(([, { bytes }]) => bytes > 0);
    const share = Math.min(STALLED_BYTES, this.#heldBytes / (2 * waiting.length));
    return waiting.filter(([, { cost }]) => cost >= share);
  }

  #setCost(account: Account, cost: number): void {
    this.#total += cost - account.cost;
    account.cost = cost;
  }
}
