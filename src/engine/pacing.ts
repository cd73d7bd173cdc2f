import { MAX_STREAM_ID } from "../protocol/constants.ts";
import type { ConnectionState } from "./stream-table.ts";

/** Stream ids of our sources are multiples of this: one random foreign id in so many looks like ours, and is not paced. */
const MARK = 101;
/** The first of them: no client that counts its streams comes so far. */
const FIRST_ID = MARK * Math.ceil(2 ** 20 / MARK);
/** How many there are. */
const COUNT = Math.floor((MAX_STREAM_ID - FIRST_ID) / MARK) + 1;
/** A foreign source passes on so many bytes in a millisecond … */
const BYTES_PER_MS = 16_000;
/** … and needs so long for the smallest message, for each of its connections. */
const MIN_GAP_MS = 0.5;
/** Beyond so many connections the gap does not grow: a connection still carries 0.5 MB/s. */
const MAX_CONNECTIONS = 32;

/** A stream id by which a destination of ours knows its source (P21). @param random a number in [0, 1) */
export function newStreamId(random: number): number {
  return FIRST_ID + MARK * Math.floor(random * COUNT);
}

/** Whether a stream id may be that of a source of ours. */
export function isOurs(streamId: number): boolean {
  return streamId >= FIRST_ID && streamId % MARK === 0;
}

/**
 * How long a destination waits between two messages of one connection when the source is not ours (P67). The reference
 * proxy's source goes on reading while a connection's client does not: two messages of one connection that it has not
 * written yet make it mix up or end them all. Nothing on the wire tells when it has, so that only time helps; one
 * connection alone needs none. Milliseconds.
 */
export class Pacing {
  readonly #until = new Map<ConnectionState, number>();

  /** A message with so many bytes of a connection went out, of a source with so many connections. */
  sent(state: ConnectionState, bytes: number, connections: number, now: number): void {
    if (state.stream === undefined || isOurs(state.stream.streamId) || connections < 2) return;
    const gapMs = Math.max(MIN_GAP_MS, bytes / BYTES_PER_MS) * Math.min(connections, MAX_CONNECTIONS);
    this.#until.set(state, now + gapMs);
  }

  /** Whether the next message of a connection may go out. */
  mayGo(state: ConnectionState): boolean {
    return !this.#until.has(state);
  }

  tick(now: number): void {
    for (const [state, until] of this.#until) if (until <= now) this.#until.delete(state);
  }

  /** When to call `tick`, or undefined. */
  deadline(): number | undefined {
    return this.#until.size === 0 ? undefined : Math.min(...this.#until.values());
  }
}
