import { CONTROL_CONNECTION_ID, encodeLoad } from "../../protocol/control.ts";
import { type Message, MessageType, makeMessage } from "../../protocol/message.ts";
import { type Exchange, idsOf } from "../exchange.ts";
import type { Pong } from "../output.ts";
import { newStreamId } from "../pacing.ts";
import type { Stream } from "../stream-table.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";

/** What is not answered after this is not waited for any longer, nor is a HELLO (P105). */
const ANSWER_MS = 5_000;
/** Load goes on between one ping and the next, but not beyond the last (P106). */
const LOAD_MS = 1_000;

/** One that is asked for, with the stream that was started for it alone, if any. */
interface Asked {
  readonly until: number;
  readonly stream: Stream | undefined;
  /** What it means when nobody has said HELLO by then. */
  readonly outcome: "away" | "foreign";
}

/** Round trips that somebody asks for, and the load beside which they may be measured (P105, P106). Milliseconds. */
export class Pings {
  readonly #exchange: Exchange;
  readonly #channels: Channels;
  readonly #asked = new Map<string, Asked>();
  #loaded = "";
  #loadUntil = 0;
  #loadedBytes = 0;
  /** The last one, since they are alike as long as the room is. */
  #load: { readonly maxBytes: number; readonly payload: Uint8Array } | undefined;

  constructor(exchange: Exchange, channels: Channels) {
    this.#exchange = exchange;
    this.#channels = channels;
  }

  /**
   * Source: asks the other end of a service; a `pong` follows within 5 s, or within 5 s of HELLO. A second one is not asked
   * meanwhile. Where the service has no stream, one is started for its control channel alone, unless one `isStarting` to take up connections.
   * Beside one that `isLoaded`, and for a second afterwards, all room is filled with bytes that the other end drops.
   */
  ask(
    serviceId: string,
    { isLoaded, isStarting }: { readonly isLoaded: boolean; readonly isStarting: boolean },
    now: number,
  ): void {
    if (this.#asked.has(serviceId)) return;
    this.#loaded = serviceId;
    this.#loadUntil = isLoaded ? now + ANSWER_MS + LOAD_MS : 0;
    const { format = 3 } = this.#exchange.options;
    const known = this.#exchange.table.of(serviceId);
    if (format < 3 || (known !== undefined && known.format < 3)) return this.#tell(serviceId, "foreign");
    const stream = known === undefined && !isStarting ? this.#start(serviceId) : undefined;
    const outcome = isStarting ? "away" : "foreign";
    this.#asked.set(serviceId, { until: now + ANSWER_MS, stream, outcome });
    if (known !== undefined) this.#channels.openOf(known)?.askPing(now);
  }

  /** Both ends have said HELLO in a stream. */
  opened(channel: Channel, now: number): void {
    const { serviceId } = channel.stream;
    if (!this.#asked.has(serviceId)) return;
    this.#asked.set(serviceId, { until: now + ANSWER_MS, stream: undefined, outcome: "away" });
    channel.askPing(now);
  }

  /** Nothing more is sent beside them. */
  unload(): void {
    this.#loadUntil = 0;
  }

  /** The answer came. */
  answered({ stream: { serviceId } }: Channel, afterMs: number, now: number): void {
    this.#loadUntil = Math.min(this.#loadUntil, now + LOAD_MS);
    if (this.#asked.delete(serviceId)) this.#tell(serviceId, afterMs);
  }

  /** A stream is over, and nobody in it answers any more. */
  over({ serviceId }: Stream): void {
    if (this.#asked.delete(serviceId)) this.#tell(serviceId, "away");
  }

  /** What answers in a stream is none of ours. */
  foreign(stream: Stream): void {
    const asked = this.#asked.get(stream.serviceId);
    if (asked === undefined) return;
    this.#asked.delete(stream.serviceId);
    this.#end(asked.stream);
    this.#tell(stream.serviceId, "foreign");
  }

  tick(now: number): void {
    for (const [serviceId, { until, stream, outcome }] of this.#asked) {
      if (until > now) continue;
      this.#asked.delete(serviceId);
      const active = this.#exchange.table.of(serviceId);
      const isMet = active !== undefined && this.#channels.openOf(active) !== undefined;
      this.#end(stream);
      this.#tell(serviceId, isMet ? "silent" : outcome);
    }
  }

  get deadline(): number {
    return Math.min(...[...this.#asked.values()].map(({ until }) => until), Number.POSITIVE_INFINITY);
  }

  /** The next of those bytes, when nothing else is to be sent. */
  nextLoad(maxBytes: number, now: number): Message | undefined {
    if (now >= this.#loadUntil) return undefined;
    const stream = this.#exchange.table.of(this.#loaded);
    if (stream === undefined || this.#channels.openOf(stream) === undefined) return undefined;
    if (this.#load?.maxBytes !== maxBytes) this.#load = { maxBytes, payload: encodeLoad(maxBytes) };
    const { payload } = this.#load;
    this.#loadedBytes += payload.length;
    return makeMessage({ type: MessageType.Data, payload, ...idsOf(stream, CONTROL_CONNECTION_ID) });
  }

  #start(serviceId: string): Stream {
    const { table, options } = this.#exchange;
    const stream = table.start(serviceId, newStreamId(options.random()), 3);
    const type = MessageType.StreamStart;
    this.#exchange.answer(makeMessage({ type, ...idsOf(stream, CONTROL_CONNECTION_ID) }));
    return stream;
  }

  /** What was started for a ping alone, and is of no use, is not left to the other end. */
  #end(stream: Stream | undefined): void {
    if (stream === undefined || this.#exchange.table.of(stream.serviceId) !== stream) return;
    if (stream.connections.size > 0) {
      // Opened meanwhile: only what was dialled for the control connection ends.
      const type = MessageType.ConnectionReset;
      return this.#exchange.answer(makeMessage({ type, ...idsOf(stream, CONTROL_CONNECTION_ID) }));
    }
    this.#channels.delete(stream);
    this.#exchange.table.end(stream);
    this.#exchange.answer(makeMessage({ type: MessageType.StreamReset, ...idsOf(stream, 0) }));
  }

  #tell(serviceId: string, outcome: Pong["outcome"]): void {
    this.#exchange.event({ type: "pong", serviceId, outcome, loadedBytes: this.#loadedBytes });
    this.#loadedBytes = 0;
  }
}
