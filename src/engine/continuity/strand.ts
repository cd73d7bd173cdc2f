import type { Ledger } from "./ledger.ts";

/** Who holds the local sockets of suspended connections. */
export interface Holder {
  /** Another one carries them on, and has their sockets from now on. */
  release(strand: Strand): void;
  /** The stream that carries it is not known to be over, but is: suspend it. */
  detach(strand: Strand): void;
}

/** The connections of one service between one source and one destination, over any number of streams. */
export interface Strand {
  /** The source's session id: whoever knows it may resume them (P103). */
  readonly id: Uint8Array;
  /** Session id of the destination's process. */
  readonly process: Uint8Array;
  readonly serviceId: string;
  /** While it is suspended: its connections by their id. */
  readonly ledgers: Map<number, Ledger>;
  /** Ids below were used. */
  nextConnectionId: number;
  suspendedAt: number;
  /** Whose stream carries it, or carried it last. */
  holder: Holder;
}

/** Whether two session ids are the same. */
export function isSameId(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
