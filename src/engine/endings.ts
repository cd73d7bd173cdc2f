import type { Connection } from "./output.ts";

/** How long a socket that was told to end may take without moving a byte. */
const IDLE_MS = 30_000;
/** What an application may send after the end before it gets RST: so much … */
const MAX_DROPPED_BYTES = 1024 * 1024;
/** … and for so long after our FIN: its last bytes may have crossed it. */
const DROP_MS = 2_000;

/** Sockets that have all that is theirs and do not end: more are not waited for, the oldest go. */
const MAX_IDLE = 256;

interface Ending {
  readonly connection: Connection;
  until: number;
  droppedBytes: number;
  /** When our FIN went out. */
  flushedAt: number | undefined;
}

/**
 * Local sockets whose connection is over and which still write out what they have: none may stay for ever, whatever its
 * application does. Times in milliseconds.
 */
export class Endings {
  readonly #byKey = new Map<number, Ending>();
  /** In an orderly stop nobody waits longer than this. */
  #latest = Number.POSITIVE_INFINITY;
  /** No deadline is earlier. */
  #next = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#byKey.size;
  }

  add(connection: Connection, unreadBytes: number, now: number): void {
    const flushedAt = unreadBytes === 0 ? now : undefined;
    const ending: Ending = { connection, until: now + IDLE_MS, droppedBytes: 0, flushedAt };
    this.#byKey.set(connection.key, ending);
    if (this.#byKey.size > MAX_IDLE) this.#hurryOldest(now);
    this.#next = Math.min(this.#next, this.#deadlineOf(ending));
  }

  delete(key: number): void {
    this.#byKey.delete(key);
  }

  /** So many bytes wait for it. */
  room(key: number, unreadBytes: number, now: number): void {
    const ending = this.#byKey.get(key);
    if (ending === undefined) return;
    ending.until = now + IDLE_MS;
    if (unreadBytes === 0) ending.flushedAt ??= now;
    if (this.#isPaused(ending)) this.#next = now;
  }

  /** Its application sent bytes that go nowhere. @returns what to do: its reader pauses until the FIN is out */
  data(key: number, bytes: number, now: number): "drop" | "pause" | "abandon" {
    const ending = this.#byKey.get(key);
    if (ending === undefined) return "abandon";
    ending.droppedBytes += bytes;
    const isTooMuch = ending.droppedBytes > MAX_DROPPED_BYTES;
    if (ending.flushedAt === undefined) return isTooMuch ? "pause" : "drop";
    return isTooMuch || now - ending.flushedAt > DROP_MS ? "abandon" : "drop";
  }

  /** The one of this key, if there is one. */
  of(key: number): Connection | undefined {
    return this.#byKey.get(key)?.connection;
  }

  /** All are given until then at the most. */
  hurry(until: number): void {
    this.#latest = until;
    this.#next = Math.min(this.#next, until);
  }

  /** Takes out those whose time is up. */
  due(now: number): readonly Connection[] {
    if (now < this.#next) return [];
    const due = [...this.#byKey.values()].filter((ending) => this.#deadlineOf(ending) <= now);
    for (const { connection } of due) this.#byKey.delete(connection.key);
    const left = [...this.#byKey.values()].map((ending) => this.#deadlineOf(ending));
    this.#next = Math.min(...left, Number.POSITIVE_INFINITY);
    return due.map(({ connection }) => connection);
  }

  /** When to call `due`, or a little earlier. */
  get deadline(): number {
    return this.#byKey.size === 0 ? Number.POSITIVE_INFINITY : this.#next;
  }

  /** The one of which nothing was seen to move for the longest time. */
  #hurryOldest(now: number): void {
    const idle = [...this.#byKey.values()].filter(
      ({ flushedAt, until }) => flushedAt !== undefined && until > now,
    );
    const [oldest] = idle.sort((one, other) => one.until - other.until);
    if (oldest === undefined) return;
    oldest.until = now;
    this.#next = now;
  }

  #deadlineOf(ending: Ending): number {
    return this.#isPaused(ending) ? Number.NEGATIVE_INFINITY : Math.min(ending.until, this.#latest);
  }

  /** Its application sent too much, was not read any more, and our FIN is out now. */
  #isPaused({ droppedBytes, flushedAt }: Ending): boolean {
    return droppedBytes > MAX_DROPPED_BYTES && flushedAt !== undefined;
  }
}
