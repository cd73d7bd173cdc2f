// Pure: what the service does with the messages of one tunnel. No sockets, no clock.
import { RemoteProtocolError, TunnelError } from "../../base/errors.ts";
import { FrameSplitter } from "../../protocol/frame.ts";
import { decodeFrame, encodeFrame, type Message, MessageType, makeMessage } from "../../protocol/message.ts";
import { checkMessage } from "../../protocol/rules.ts";

/** One end of a tunnel. */
export type Side = "source" | "destination";

/** What the relay asks of its server. */
export type RelayOutput =
  /** One frame: goes out as one WebSocket frame of its own (P70). */
  | { readonly type: "send"; readonly to: Side; readonly bytes: Uint8Array }
  /** The side broke a rule: close its WebSocket. */
  | { readonly type: "close"; readonly side: Side; readonly error: TunnelError }
  /** For the log. */
  | { readonly type: "dropped"; readonly from: Side; readonly message: Message; readonly why: string };

/** An active stream, with the ids its STREAM_START had: a reset made by the relay must look the same (P71). */
interface RelayStream {
  readonly streamId: number;
  readonly serviceId: string;
  readonly connectionId: number;
}

/** Data in a row that leads nowhere: what is on its way when a stream ends is less by far (P33). */
const MAX_STRAYS = 10_000;

/** Frames looked at in one go: a WebSocket frame may hold 20,000, and what follows from each takes memory (P76). */
const FRAMES_AT_ONCE = 256;

/** A connected side. */
interface Joined {
  readonly splitter: FrameSplitter;
  /** What has come and is not looked at yet, beginning at `at` of the first. */
  readonly waiting: Uint8Array[];
  at: number;
  /** By service id the last stream that this side knows of: one of this WebSocket, or one it was told the end of. */
  readonly known: Map<string, number>;
  /** Data messages in a row that belonged to no stream. */
  strays: number;
}

/** Forwards between the two sides of one tunnel, by side and not by subprotocol, and keeps the rules of the wire. */
export class Relay {
  #services: readonly string[] = [];
  readonly #joined = new Map<Side, Joined>();
  /** Active streams by service id. */
  readonly #streams = new Map<string, RelayStream>();
  #outputs: RelayOutput[] = [];

  /**
   * A side connected, in place of its former connection if there was one. The other side learns first that the
   * streams of the former one are over (P72).
   * @param services service ids of the tunnel; empty when it was opened without any
   * @param hasServiceIds whether its subprotocol has the SERVICE_IDS message (P30)
   */
  join(side: Side, services: readonly string[], hasServiceIds: boolean): void {
    this.leave(side);
    this.#services = services;
    this.#joined.set(side, {
      splitter: new FrameSplitter(),
      waiting: [],
      at: 0,
      known: new Map(),
      strays: 0,
    });
    if (!hasServiceIds) return;
    this.#send(side, makeMessage({ type: MessageType.ServiceIds, availableServiceIds: this.#services }));
  }

  /** A side's WebSocket is gone. */
  leave(side: Side): void {
    if (!this.#joined.delete(side)) return;
    const survivor = otherSide(side);
    for (const [service, stream] of this.#streams) this.#resetTo(survivor, service, stream);
    this.#streams.clear();
  }

  /** Bytes of one binary WebSocket frame came from a side. The first frames that wait are looked at. */
  receive(side: Side, bytes: Uint8Array): void {
    const joined = this.#joined.get(side);
    if (joined === undefined) return;
    joined.waiting.push(bytes);
    if (joined.waiting.length === 1) this.proceed(side);
  }

  /** Whether bytes of this side have come that are not looked at yet: the outputs so far come first. */
  isBehind(side: Side): boolean {
    return (this.#joined.get(side)?.waiting.length ?? 0) > 0;
  }

  /** Looks at the next frames of a side that is behind. One that breaks a rule is not listened to any more. */
  proceed(side: Side): void {
    const joined = this.#joined.get(side);
    const [bytes] = joined?.waiting ?? [];
    if (joined === undefined || bytes === undefined) return;
    try {
      const { frames, end } = joined.splitter.take(bytes, joined.at, FRAMES_AT_ONCE);
      joined.at = end;
      for (const frame of frames) this.#onFrame(side, frame);
    } catch (error) {
      if (!(error instanceof TunnelError)) throw error;
      joined.waiting.length = 0;
      joined.at = 0;
      this.#outputs.push({ type: "close", side, error });
      return;
    }
    if (joined.at < bytes.length) return;
    joined.waiting.shift();
    joined.at = 0;
  }

  /** Everything to be done since the last call, in order. */
  drain(): RelayOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #onFrame(from: Side, frame: Uint8Array): void {
    const message = decodeFrame(frame);
    if (!checkMessage(message, [from])) return this.#forward(from, frame);
    const service = this.#serviceOf(message);
    const stream = this.#streams.get(service);
    if (message.type === MessageType.StreamStart) return this.#onStreamStart(from, service, message, frame);
    if (stream === undefined) return this.#onUnknownStream(from, service, message);
    if (stream.streamId !== message.streamId) return this.#drop(from, message, "stale stream");
    if (message.type === MessageType.StreamReset) this.#streams.delete(service);
    this.#forward(from, frame);
  }

  #onStreamStart(from: Side, service: string, message: Message, frame: Uint8Array): void {
    if (!this.#joined.has(otherSide(from))) {
      this.#drop(from, message, `no ${otherSide(from)} is connected`);
      return this.#resetTo(from, service, message);
    }
    this.#streams.set(service, message);
    for (const { known } of this.#joined.values()) known.set(service, message.streamId);
    this.#forward(from, frame);
  }

  /**
   * Resets and data may cross a reset of the relay's own on their way, so they are dropped; a side that may open
   * something learns that it did not (P73), and so does one that goes on with a stream of a former WebSocket (P33).
   */
  #onUnknownStream(from: Side, service: string, message: Message): void {
    if (message.type === MessageType.Data) this.#countStray(from, service);
    this.#drop(from, message, "no such stream");
    const isUntold =
      message.type === MessageType.Data && this.#joined.get(from)?.known.get(service) !== message.streamId;
    if (isUntold || message.type === MessageType.ConnectionStart) this.#resetTo(from, service, message);
  }

  #countStray(from: Side, service: string): void {
    const side = this.#joined.get(from);
    if (side === undefined) return;
    side.strays += 1;
    if (side.strays <= MAX_STRAYS) return;
    throw new RemoteProtocolError(
      "P33",
      `more than ${MAX_STRAYS} messages of data in a row for service "${service}", which has no stream`,
    );
  }

  /** The service of a message, which may leave its id out where there is no choice (P41). */
  #serviceOf({ serviceId }: Message): string {
    if (serviceId === "" && this.#services.length <= 1) return this.#services[0] ?? "";
    if (serviceId === "") {
      throw new RemoteProtocolError(
        "P41",
        `a message without service id in a tunnel with ${this.#services.length}`,
      );
    }
    if (this.#services.includes(serviceId)) return serviceId;
    throw new RemoteProtocolError("P32", `service "${serviceId}" is not one of this tunnel`);
  }

  #resetTo(side: Side, service: string, { streamId, serviceId, connectionId }: RelayStream): void {
    this.#joined.get(side)?.known.set(service, streamId);
    this.#send(side, makeMessage({ type: MessageType.StreamReset, streamId, serviceId, connectionId }));
  }

  #send(to: Side, message: Message): void {
    if (this.#joined.has(to)) this.#outputs.push({ type: "send", to, bytes: encodeFrame(message) });
  }

  /** The frame goes on as it came, byte for byte (P70). */
  #forward(from: Side, bytes: Uint8Array): void {
    const to = otherSide(from);
    const side = this.#joined.get(from);
    if (side !== undefined) side.strays = 0;
    if (this.#joined.has(to)) this.#outputs.push({ type: "send", to, bytes });
  }

  #drop(from: Side, message: Message, why: string): void {
    this.#outputs.push({ type: "dropped", from, message, why });
  }
}

/** The side at the other end of the tunnel. */
export function otherSide(side: Side): Side {
  return side === "source" ? "destination" : "source";
}
