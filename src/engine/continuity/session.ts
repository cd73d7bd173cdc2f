import { Pool, type Pools } from "./pool.ts";
import type { Strand } from "./strand.ts";

/** What all connections of a process may have in one direction, beyond 16 KiB each (P95). */
const POOL_BYTES = 16 * 1024 * 1024;
/** Connections that are suspended at once: as many as a side carries (P29). */
const MAX_SUSPENDED = 4_096;
/** Strands that are suspended at once: a peer that opens and leaves streams for fun gets no more. */
const MAX_STRANDS = 256;

/** How a session is made. */
export interface SessionOptions {
  /** 16 random bytes that stand for this process: whoever reads them may resume its connections. */
  readonly id: Uint8Array;
  /** 16 more of them, each time. */
  readonly newId: () => Uint8Array;
  /** How long connections wait for their other end; 0: not at all. Milliseconds. */
  readonly resumeTimeoutMs: number;
}

/**
 * What outlives the WebSockets of a process: its connections, by the strand they belong to. One for all tunnels of an
 * agent; at a source, one for a tunnel. Times in milliseconds of the same steady clock as the carriers'.
 */
export class Session implements Pools {
  readonly options: SessionOptions;
  readonly sendPool = new Pool(POOL_BYTES);
  readonly receivePool = new Pool(POOL_BYTES);
  readonly #suspended = new Map<string, Strand>();
  /** At a destination: those that a stream carries, so that they can be taken from a stream that is not known to be over. */
  readonly #carried = new Map<string, Strand>();
  /** One a service at most. */
  readonly #retired = new Map<string, Strand>();
  #lastKey = 0;

  constructor(options: SessionOptions) {
    this.options = options;
  }

  /** A key for one more connection, of whichever carrier. */
  readonly newKey = (): number => ++this.#lastKey;

  get suspended(): Iterable<Strand> {
    return this.#suspended.values();
  }

  /** Connections that wait for their other end. */
  get suspendedConnections(): number {
    let count = 0;
    for (const { ledgers } of this.#suspended.values()) count += ledgers.size;
    return count;
  }

  carry(strand: Strand): void {
    this.#suspended.delete(nameOf(strand.id));
    this.#carried.set(nameOf(strand.id), strand);
  }

  /** @returns false when there are too many */
  suspend(strand: Strand): boolean {
    this.#carried.delete(nameOf(strand.id));
    const count = this.suspendedConnections + strand.ledgers.size;
    if (this.#isTooMany(strand) || count > MAX_SUSPENDED) return false;
    this.#suspended.set(nameOf(strand.id), strand);
    return true;
  }

  /** One WebSocket may suspend half of what the others leave: its peer does not take the place of theirs. */
  #isTooMany({ holder }: Strand): boolean {
    let held = 0;
    for (const strand of this.#suspended.values()) if (strand.holder === holder) held += 1;
    return held >= (MAX_STRANDS - (this.#suspended.size - held)) / 2;
  }

  /** Source: nothing is left of it here, as far as is known; the destination may not have heard of the last end. */
  retire(strand: Strand): void {
    this.forget(strand);
    this.#retired.set(strand.serviceId, strand);
  }

  /** The strand that was retired last in a service. */
  takeRetired(serviceId: string): Strand | undefined {
    const strand = this.#retired.get(serviceId);
    this.#retired.delete(serviceId);
    return strand;
  }

  forget(strand: Strand): void {
    this.#suspended.delete(nameOf(strand.id));
    this.#carried.delete(nameOf(strand.id));
  }

  isSuspended(strand: Strand): boolean {
    return this.#suspended.get(nameOf(strand.id)) === strand;
  }

  /** The suspended strand of this id. */
  find(id: Uint8Array): Strand | undefined {
    return this.#suspended.get(nameOf(id));
  }

  /** The strand of this id that a stream carries. */
  carried(id: Uint8Array): Strand | undefined {
    return this.#carried.get(nameOf(id));
  }

  /** Source: what waits in a service. */
  ofService(serviceId: string): Strand | undefined {
    for (const strand of this.#suspended.values()) if (strand.serviceId === serviceId) return strand;
    return undefined;
  }
}

function nameOf(id: Uint8Array): string {
  return id.join();
}
