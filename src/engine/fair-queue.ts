import type { Message } from "../protocol/message.ts";
import { compact } from "./compact.ts";

/** What waits to be sent for one connection. Items become messages only when they are taken. */
export type Item =
  /** Opens the connection: STREAM_START or CONNECTION_START, decided when taken. */
  | { readonly type: "start" }
  /** Bytes read from the local socket; taken in pieces of one message each. */
  | { readonly type: "data"; readonly bytes: Uint8Array }
  /** Ends the connection after everything before it. */
  | { readonly type: "reset" }
  /** An answer that belongs to no connection. */
  | { readonly type: "message"; readonly message: Message };

interface Lane {
  readonly key: number;
  readonly items: Item[];
  bytes: number;
  /** Its connection waits to be opened: nothing of it may go yet. */
  isWaiting: boolean;
}

/** Counted for every item besides its bytes, so that a sender of one-byte chunks is bounded too. */
const ITEM_OVERHEAD_BYTES = 64;

/**
 * What connections want to send, one lane each; lanes take turns message by message, so that a bulk transfer delays a
 * keystroke by one message and not by its whole backlog. It does not limit itself: the driver stops reading a local
 * socket by `bytesOf` and `totalBytes`.
 */
export class FairQueue {
  readonly #lanes = new Map<number, Lane>();
  #totalBytes = 0;
  #waitingBytes = 0;

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Part of `totalBytes` that belongs to connections not yet opened. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether a connection has not yet been opened. */
  isWaiting(key: number): boolean {
    return this.#lanes.get(key)?.isWaiting ?? false;
  }

  bytesOf(key: number): number {
    return this.#lanes.get(key)?.bytes ?? 0;
  }

  push(key: number, item: Item): void {
    const lane = this.#lanes.get(key) ?? this.#addLane(key);
    lane.items.push(item);
    this.#account(lane, costOf(item));
    this.#look(lane);
  }

  /** Puts an item before all others of its connection. */
  pushFront(key: number, item: Item): void {
    const lane = this.#lanes.get(key) ?? this.#addLane(key);
    lane.items.unshift(item);
    this.#account(lane, costOf(item));
    this.#look(lane);
  }

  /** The bytes that a connection still wants to send. */
  dataOf(key: number): Uint8Array[] {
    return (this.#lanes.get(key)?.items ?? []).flatMap((item) => (item.type === "data" ? [item.bytes] : []));
  }

  /** Forgets everything a connection still wanted to send. */
  drop(key: number): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    this.#account(lane, -lane.bytes);
    this.#lanes.delete(key);
  }

  /**
   * The next item whose lane `mayTake` allows, with at most `maxBytes` of data, or as many as it says; the rest of the
   * data stays first in its lane, and the lane goes to the end of the line.
   */
  take(
    maxBytes: number,
    mayTake: (key: number, item: Item) => boolean | number,
  ): { key: number; item: Item } | undefined {
    for (const lane of this.#lanes.values()) {
      const first = lane.items[0] as Item;
      const allowed = mayTake(lane.key, first);
      if (allowed === false || allowed === 0) {
        compactFirst(lane);
        continue;
      }
      this.#lanes.delete(lane.key);
      const item = this.#takeFrom(lane, first, allowed === true ? maxBytes : Math.min(maxBytes, allowed));
      if (lane.items.length > 0) this.#lanes.set(lane.key, lane);
      return { key: lane.key, item };
    }
    return undefined;
  }

  #takeFrom(lane: Lane, first: Item, maxBytes: number): Item {
    if (first.type === "data" && first.bytes.length > maxBytes) {
      lane.items[0] = { type: "data", bytes: first.bytes.subarray(maxBytes) };
      this.#account(lane, -maxBytes);
      return { type: "data", bytes: first.bytes.subarray(0, maxBytes) };
    }
    lane.items.shift();
    this.#account(lane, -costOf(first));
    this.#look(lane);
    return first;
  }

  #addLane(key: number): Lane {
    const lane: Lane = { key, items: [], bytes: 0, isWaiting: false };
    this.#lanes.set(key, lane);
    return lane;
  }

  #account(lane: Lane, bytes: number): void {
    lane.bytes += bytes;
    this.#totalBytes += bytes;
    if (lane.isWaiting) this.#waitingBytes += bytes;
  }

  /** A connection waits as long as its first item is its start. */
  #look(lane: Lane): void {
    const isWaiting = lane.items[0]?.type === "start";
    if (isWaiting === lane.isWaiting) return;
    lane.isWaiting = isWaiting;
    this.#waitingBytes += isWaiting ? lane.bytes : -lane.bytes;
  }
}

function costOf(item: Item): number {
  if (item.type === "data") return ITEM_OVERHEAD_BYTES + item.bytes.length;
  return ITEM_OVERHEAD_BYTES + (item.type === "message" ? item.message.serviceId.length : 0);
}

/** What has to wait must not keep the whole chunk that it is the rest of. */
function compactFirst({ items }: Lane): void {
  const first = items[0];
  if (first?.type !== "data") return;
  const bytes = compact(first.bytes);
  if (bytes !== first.bytes) items[0] = { type: "data", bytes };
}
