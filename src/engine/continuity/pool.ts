/** A share is cut to an equal one when less than this part of the pool is left. */
const TIGHT_PART = 1 / 8;

/** What a connection needs of a pool for what it has sent. */
export type SendPool = Pick<Pool, "left" | "join" | "leave" | "set">;

/** What the connections of a process share, one pool for each direction. */
export interface Pools {
  /** Bytes that were sent and are not acknowledged. */
  readonly sendPool: SendPool;
  /** Bytes that the other ends may send. */
  readonly receivePool: Pool;
}

/** Bytes that all connections of a process share, beyond what each has for itself (P95). */
export class Pool {
  readonly #bytes: number;
  #used = 0;
  #members = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get left(): number {
    return Math.max(0, this.#bytes - this.#used);
  }

  /** Of all its members together. */
  get used(): number {
    return this.#used;
  }

  join(): void {
    this.#members += 1;
  }

  /** A member goes, with what it had. */
  leave(had: number): void {
    this.#members -= 1;
    this.#used -= had;
  }

  /** A member has so much now, whatever was left. */
  set(had: number, has: number): number {
    this.#used += has - had;
    return has;
  }

  /**
   * What a member may have that would like so much: it may be less than before.
   * @param least what it cannot give back now
   */
  share(had: number, wanted: number, least: number): number {
    const left = this.#bytes - this.#used + had;
    const isTight = left - wanted < this.#bytes * TIGHT_PART;
    const most = isTight ? Math.min(left, this.#bytes / Math.max(1, this.#members)) : left;
    return this.set(had, Math.floor(Math.max(least, Math.min(wanted, most), 0)));
  }
}

/**
 * What the connections of one WebSocket take of a pool: half of what the others leave at most, so that a peer that never
 * acknowledges does not take everything (P95). They keep it when another WebSocket carries them on. Bytes.
 */
export class PoolPart {
  readonly #pool: Pool;
  #used = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get left(): number {
    return Math.max(0, (this.#pool.left - this.#used) / 2);
  }

  join(): void {
    this.#pool.join();
  }

  leave(had: number): void {
    this.#used -= had;
    this.#pool.leave(had);
  }

  set(had: number, has: number): number {
    this.#used += has - had;
    return this.#pool.set(had, has);
  }
}
