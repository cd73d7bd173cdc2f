// A tap on every relay of this process: what each side sends, and streams of foreign sources under numbers of ours.
import { createHash } from "node:crypto";
import { Relay, type RelayOutput, type Side } from "../../src/emulator/relay/relay.ts";
import { CONTROL_CONNECTION_ID } from "../../src/protocol/control.ts";
import { FrameSplitter } from "../../src/protocol/frame.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../src/protocol/message.ts";
import { FIRST_STREAM_ID } from "./stream-ids.ts";

/** Records messages until it goes out of scope. With `isMarking`, our destination takes any source for one of ours. */
export class RelayTap implements Disposable {
  readonly #isMarking: boolean;
  readonly #heard: { readonly side: Side; readonly message: Message }[] = [];
  readonly #splitters = new WeakMap<Relay, Map<Side, FrameSplitter>>();
  readonly #marks = new Map<number, number>();
  readonly #receive = Relay.prototype.receive;
  readonly #drain = Relay.prototype.drain;

  constructor({ isMarking = false } = {}) {
    this.#isMarking = isMarking;
    const tap = this;
    const { receive, drain } = Relay.prototype;
    Relay.prototype.receive = function (side, bytes) {
      receive.call(this, side, tap.#hear(this, side, bytes));
    };
    Relay.prototype.drain = function () {
      return drain.call(this).map((output) => tap.#mark(output));
    };
  }

  /** What a side has sent on control channels. */
  controls(side: Side): readonly Message[] {
    return this.#of(side).filter(({ connectionId }) => connectionId === CONTROL_CONNECTION_ID);
  }

  /**
   * What a side has sent besides, by stream and connection in the order of their first message, with the bytes of
   * neighbouring data as one: how they were cut is chance. Connections that carried nothing are left out.
   */
  transcript(side: Side): readonly string[] {
    const connections = new Map<string, Message[]>();
    for (const message of this.#of(side)) {
      const { streamId, connectionId } = message;
      if (connectionId === CONTROL_CONNECTION_ID) continue;
      const name = `${streamId}.${connectionId}`;
      connections.set(name, [...(connections.get(name) ?? []), message]);
    }
    const said = [...connections.values()].filter((messages) =>
      messages.some(({ payload }) => payload.length > 0),
    );
    return said.map(summary).sort();
  }

  [Symbol.dispose](): void {
    Relay.prototype.receive = this.#receive;
    Relay.prototype.drain = this.#drain;
  }

  #of(side: Side): Message[] {
    return this.#heard.filter((each) => each.side === side).map(({ message }) => message);
  }

  #hear(relay: Relay, side: Side, bytes: Uint8Array): Uint8Array {
    const splitters = this.#splitters.get(relay) ?? new Map<Side, FrameSplitter>();
    this.#splitters.set(relay, splitters);
    const splitter = splitters.get(side) ?? new FrameSplitter();
    splitters.set(side, splitter);
    const frames: Uint8Array[] = [];
    for (const frame of splitter.push(bytes)) {
      const message = decodeFrame(frame.slice());
      this.#heard.push({ side, message });
      const original = [...this.#marks].find(([, marked]) => marked === message.streamId)?.[0];
      const isMarked = side === "destination" && original !== undefined;
      frames.push(isMarked ? renumbered(message, original) : frame);
    }
    return this.#isMarking ? Buffer.concat(frames) : bytes;
  }

  #mark(output: RelayOutput): RelayOutput {
    if (!this.#isMarking || output.type !== "send" || output.to !== "destination") return output;
    const message = decodeFrame(output.bytes);
    if (message.streamId === 0) return output;
    const marked = this.#marks.get(message.streamId) ?? FIRST_STREAM_ID * (this.#marks.size + 1);
    this.#marks.set(message.streamId, marked);
    return { ...output, bytes: renumbered(message, marked) };
  }
}

function renumbered(message: Message, streamId: number): Uint8Array {
  const { type, ignorable, payload, serviceId, availableServiceIds, connectionId } = message;
  return encodeFrame(
    makeMessage({ type, streamId, ignorable, payload, serviceId, availableServiceIds, connectionId }),
  );
}

/** One connection as a line: `SSH.1 STREAM_START, DATA 5 bytes 2cf24d…`. */
function summary(messages: readonly Message[]): string {
  const parts: string[] = [];
  let data: Uint8Array[] = [];
  const flush = () => {
    const all = Buffer.concat(data);
    if (all.length > 0) {
      parts.push(`DATA ${all.length} bytes ${createHash("sha256").update(all).digest("hex")}`);
    }
    data = [];
  };
  for (const { type, payload } of messages) {
    if (type === MessageType.Data) data.push(payload);
    else {
      flush();
      parts.push(nameOf(type));
    }
  }
  flush();
  const [first] = messages;
  return `${first?.serviceId || "-"}.${first?.connectionId} ${parts.join(", ")}`;
}

function nameOf(type: number): string {
  const found = Object.entries(MessageType).find(([, value]) => value === type);
  return found?.[0] ?? String(type);
}
