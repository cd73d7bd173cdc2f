import type { Stream } from "../stream-table.ts";
import { Channel } from "./channel.ts";
import type { Strand } from "./strand.ts";

/** A peer that seems to be ours is sent little until its HELLO, for so long at most: else much would come without credit. */
const AWAIT_MS = 1_000;
/** A source that has not answered our HELLO after this is none of ours: nothing is kept for it. */
const FOREIGN_MS = 5_000;

/** The control channels of one engine, at most one a stream, and the HELLOs that it waits for. Milliseconds. */
export class Channels {
  readonly #byStream = new Map<Stream, Channel>();
  /** Streams whose other end seems to be ours, and how long its HELLO is waited for. */
  readonly #awaited = new Map<Stream, number>();

  get(stream: Stream): Channel | undefined {
    return this.#byStream.get(stream);
  }

  /** That of a stream whose two ends have said HELLO. */
  openOf(stream: Stream): Channel | undefined {
    const channel = this.#byStream.get(stream);
    return channel?.strand === undefined ? undefined : channel;
  }

  /** Those that carry a strand. */
  of(strand: Strand): readonly Channel[] {
    return [...this.#byStream.values()].filter((channel) => channel.strand === strand);
  }

  add(stream: Stream): Channel {
    const channel = new Channel(stream);
    this.#byStream.set(stream, channel);
    return channel;
  }

  /** Nothing is said, or waited for, in a stream any more. */
  delete(stream: Stream): void {
    this.#byStream.delete(stream);
    this.#awaited.delete(stream);
  }

  /** The other end of a stream seems to be ours: its HELLO is waited for. */
  awaitHello(stream: Stream, now: number): void {
    this.#awaited.set(stream, now + AWAIT_MS);
  }

  /** The HELLO came. */
  helloCame(stream: Stream): void {
    this.#awaited.delete(stream);
  }

  /** Whether the HELLO of a stream's other end is about to come. */
  isAwaited(stream: Stream): boolean {
    return this.#awaited.has(stream);
  }

  /** Takes out the streams whose HELLO was waited for long enough. */
  overdue(now: number): readonly Stream[] {
    const overdue = [...this.#awaited].filter(([, until]) => until <= now).map(([stream]) => stream);
    for (const stream of overdue) this.#awaited.delete(stream);
    return overdue;
  }

  /** Streams whose other end has left our HELLO unanswered for so long that it is none of ours. */
  foreign(now: number): readonly Stream[] {
    return [...this.#byStream.values()]
      .filter(({ strand, helloAt = now }) => strand === undefined && helloAt + FOREIGN_MS <= now)
      .map(({ stream }) => stream);
  }

  /** The first with something to say. */
  get due(): Channel | undefined {
    for (const channel of this.#byStream.values()) if (channel.isDue) return channel;
    return undefined;
  }

  /** The last measured round trip from end to end, the longest of the streams'. */
  get roundTripMs(): number | undefined {
    const times = [...this.#byStream.values()].flatMap(({ roundTripMs }) => roundTripMs ?? []);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  /** What could wait can no longer. */
  tick(now: number): void {
    for (const channel of this.#byStream.values()) channel.tick(now);
  }

  /** When to call `tick`, or to ask for those that are overdue; infinite: never. */
  get deadline(): number {
    const times = [...this.#byStream.values()].map(({ deadline }) => deadline ?? Number.POSITIVE_INFINITY);
    return Math.min(...times, ...this.#awaited.values());
  }
}
