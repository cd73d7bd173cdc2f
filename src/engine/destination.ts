import { MAX_PAYLOAD_BYTES } from "../protocol/constants.ts";
import { type Message, MessageType, makeMessage } from "../protocol/message.ts";
import type { Exchange } from "./exchange.ts";
import type { Item } from "./fair-queue.ts";
import type { Format } from "./output.ts";
import { Pacing } from "./pacing.ts";
import { HOLD_MS } from "./source.ts";
import type { ConnectionState, Stream } from "./stream-table.ts";

/** The destination side: streams and connections of the tunnel become dialled local connections. */
export class Destination {
  readonly peer = "source";
  readonly maxPayloadBytes = MAX_PAYLOAD_BYTES;
  readonly #exchange: Exchange;
  readonly #pacing = new Pacing();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    exchange.linger.setGrace(HOLD_MS, 0);
  }

  onMessage(message: Message, now: number): void {
    const { table } = this.#exchange;
    const serviceId = this.#exchange.serviceOf(message);
    if (serviceId === undefined) return this.#refuse(message, "no such service in this tunnel");
    if (message.type === MessageType.StreamStart) return this.#onStreamStart(message, serviceId);
    const stream = table.of(serviceId);
    if (stream === undefined || stream.streamId !== message.streamId) {
      return this.#refuse(message, "stale stream");
    }
    if (message.type === MessageType.StreamReset) return this.#onStreamReset(stream, message);
    if (message.type === MessageType.ConnectionStart) return this.#onConnectionStart(message, stream);
    const state = connectionOf(stream, message);
    if (message.type === MessageType.Data) this.#exchange.onData(message, state, now);
    else if (state !== undefined) this.#exchange.closeLocal(state, "closed by the source");
  }

  /** Only the source opens connections (P14). */
  startMessage(): undefined {
    return undefined;
  }

  resetMessage(state: ConnectionState, stream: Stream): Message {
    return this.#exchange.resetMessage(state, stream);
  }

  mayTake(state: ConnectionState, item: Item): boolean {
    return item.type !== "data" || this.#pacing.mayGo(state);
  }

  tick(now: number): void {
    this.#pacing.tick(now);
  }

  deadline(): number | undefined {
    return this.#pacing.deadline();
  }

  /** Counted from the last byte received: a server that closes first is not kept open longer than needed (P52). */
  lingerSince(state: ConnectionState, now: number): number {
    return state.lastReceivedAt ?? now;
  }

  sent(state: ConnectionState, item: Item, now: number): void {
    this.#exchange.linger.answered(state, now);
    this.#exchange.linger.setGrace(0, now);
    if (item.type !== "data") return;
    this.#pacing.sent(state, item.bytes.length, this.#exchange.table.connections.size, now);
  }

  /** A new stream replaces the service's old one, whose connections are over (P22). */
  #onStreamStart(message: Message, serviceId: string): void {
    const { table } = this.#exchange;
    const old = table.of(serviceId);
    if (old !== undefined) this.#exchange.endStream(old, "the source started a new stream");
    const stream = table.start(serviceId, message.streamId, formatOf(message, serviceId));
    if (this.#exchange.continuity?.streamStarted(stream, message.connectionId)) return;
    this.#open(stream, message.connectionId, message);
  }

  /**
   * Tells that the source is gone (P54): a source of format 3 that has heard from us ends connections one by one, and
   * its own resets before that have no connection id, as the service's have.
   */
  #onStreamReset(stream: Stream, { connectionId }: Message): void {
    const isSourceLost = stream.format === 3 && (stream.hasSentData || connectionId > 0);
    this.#exchange.endStream(stream, "closed by the source", isSourceLost ? "reset" : "end");
  }

  #onConnectionStart(message: Message, stream: Stream): void {
    const id = message.connectionId;
    if (stream.format < 3 || id === 0) return this.#refuse(message, "the stream has no connection ids");
    if (this.#exchange.continuity?.isControlOf(stream, id)) {
      return this.#refuse(message, "the id of the control channel");
    }
    const open = stream.connections.get(id);
    if (open !== undefined) {
      this.#exchange.closeLocal(open, "the source used its connection id again");
      return this.#refuse(message, "connection id in use");
    }
    this.#open(stream, id, message);
  }

  #open(stream: Stream, connectionId: number, message: Message): void {
    if (this.#exchange.isFull) return this.#refuse(message, "too many connections");
    const state = this.#exchange.addConnection(stream.serviceId);
    this.#exchange.table.join(state, stream, connectionId);
    this.#exchange.continuity?.accounts.of(state);
    this.#exchange.output({ type: "connect", connection: state.connection });
  }

  /** Drops a message; one that wanted to open something is answered with its end, so that nobody waits. */
  #refuse(message: Message, why: string): void {
    this.#exchange.dropped(message, why);
    const { streamId, serviceId, connectionId } = message;
    if (message.type === MessageType.StreamStart || message.type === MessageType.ConnectionStart) {
      const type =
        message.type === MessageType.StreamStart && connectionId === 0
          ? MessageType.StreamReset
          : MessageType.ConnectionReset;
      this.#exchange.answer(makeMessage({ type, streamId, serviceId, connectionId }));
    }
  }
}

/** What the source speaks, by its STREAM_START (P40). */
function formatOf(message: Message, serviceId: string): Format {
  if (message.serviceId === "" && serviceId !== "") return 1;
  return message.connectionId === 0 ? 2 : 3;
}

/** The connection a message is about; a message without connection id means the first one (P41). */
function connectionOf(stream: Stream, message: Message): ConnectionState | undefined {
  if (stream.format < 3) return stream.connections.values().next().value;
  return stream.connections.get(message.connectionId === 0 ? 1 : message.connectionId);
}
