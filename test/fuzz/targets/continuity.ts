// One end of ours with continuity, and a peer that says on control channels whatever it likes, over several WebSockets.
import { Session } from "../../../src/engine/continuity/session.ts";
import { Engine } from "../../../src/engine/engine.ts";
import type { Connection, EngineOutput } from "../../../src/engine/output.ts";
import { CONTROL_CONNECTION_ID, encodeControl } from "../../../src/protocol/control.ts";
import { decodeFrame, encodeFrame, MessageType, makeMessage } from "../../../src/protocol/message.ts";
import { FIRST_STREAM_ID } from "../../helpers/stream-ids.ts";
import { Cursor } from "../cursor.ts";
import { must, type Target } from "../target.ts";

const SERVICE_IDS = encodeFrame(makeMessage({ type: MessageType.ServiceIds, availableServiceIds: ["SSH"] }));
const CHUNK = new Uint8Array(60_000).fill(7);
const POOL_BYTES = 16 * 1024 * 1024;
const WAITS_MS = [0, 100, 1_000, 5_000, 60_000];
const STREAM_TYPES = [MessageType.StreamStart, MessageType.StreamReset, MessageType.ConnectionStart] as const;

type Side = "source" | "destination";

class Ends {
  readonly #side: Side;
  readonly #session = new Session({
    id: new Uint8Array(16).fill(9),
    newId: () => new Uint8Array(16).fill(++this.#ids % 4),
    resumeTimeoutMs: 30_000,
  });
  #engine: Engine;
  readonly #open = new Map<number, Connection>();
  #ids = 0;
  #now = 0;
  #streamId = FIRST_STREAM_ID;

  constructor(side: Side) {
    this.#side = side;
    this.#engine = this.#connect();
  }

  act(cursor: Cursor): void {
    const action = cursor.byte();
    if (action < 70) this.#give(MessageType.Data, CONTROL_CONNECTION_ID, controlOf(cursor));
    else if (action < 100)
      this.#give(MessageType.Data, 1 + cursor.below(4), CHUNK.subarray(0, 250 * cursor.byte()));
    else if (action < 130) this.#onStreams(cursor);
    else if (action < 150) this.#wait(cursor.pick(WAITS_MS));
    else if (action < 170) this.#accept();
    else if (action < 180) this.#lose();
    else this.#actLocally(action, cursor);
    this.#settle();
  }

  /** Everything local ends, and nobody comes back: nothing may be left after a while. */
  finish(): void {
    for (const connection of [...this.#open.values()]) this.#close(connection);
    this.#settle();
    this.#lose();
    for (let waits = 0; waits < 3; waits++) {
      this.#wait(60_000);
      this.#settle();
    }
    const { sendPool, receivePool, suspendedConnections } = this.#session;
    must(suspendedConnections === 0, "connections are suspended for ever");
    must(sendPool.used === 0, `${sendPool.used} bytes are kept for nobody`);
    must(receivePool.used === 0, `${receivePool.used} bytes are allowed to nobody`);
  }

  #connect(): Engine {
    const random = () => 0;
    const options = { entries: () => ["SSH"], hasServiceIds: true, lingerMs: 1_000, random };
    const engine = new Engine(this.#side, { ...options, continuity: this.#session });
    engine.receive(SERVICE_IDS, this.#now);
    return engine;
  }

  #lose(): void {
    const old = this.#engine;
    old.suspend(this.#now);
    this.#drain(old);
    this.#old.push(old);
    this.#engine = this.#connect();
  }
  readonly #old: Engine[] = [];

  #give(type: number, connectionId: number, payload = new Uint8Array(0)): void {
    const message = makeMessage({ type, streamId: this.#streamId, serviceId: "SSH", connectionId, payload });
    this.#engine.receive(encodeFrame(message), this.#now);
  }

  #onStreams(cursor: Cursor): void {
    const type = cursor.pick(STREAM_TYPES);
    if (this.#side === "source" && type !== MessageType.StreamReset) {
      return this.#give(MessageType.ConnectionReset, 1 + cursor.below(4));
    }
    if (type === MessageType.StreamStart) this.#streamId = FIRST_STREAM_ID * (1 + cursor.below(3));
    this.#give(type, cursor.pick([CONTROL_CONNECTION_ID, 1, 2, 3]));
  }

  #accept(): void {
    if (this.#side === "destination") return;
    const connection = this.#engine.localAccepted("SSH", this.#now);
    if (connection !== undefined) this.#open.set(connection.key, connection);
  }

  #actLocally(action: number, cursor: Cursor): void {
    const connection = [...this.#open.values()][cursor.below(Math.max(1, this.#open.size))];
    if (connection === undefined) return;
    for (const engine of [this.#engine, ...this.#old]) {
      if (action < 210) engine.localData(connection, CHUNK.subarray(0, 200 * cursor.byte()));
      else if (action < 225) engine.localEnded(connection, this.#now);
      else if (action < 240) engine.localUnread(connection, 0, this.#now);
    }
    if (action >= 240) this.#close(connection);
  }

  #close(connection: Connection): void {
    this.#open.delete(connection.key);
    for (const engine of [this.#engine, ...this.#old]) {
      engine.localClosed(connection);
      engine.released(connection);
    }
  }

  #wait(ms: number): void {
    this.#now += ms;
    this.#engine.tick(this.#now);
    for (const old of this.#old) old.tickHeld(this.#now);
  }

  #settle(): void {
    for (const old of this.#old) this.#drain(old);
    this.#drain(this.#engine);
    for (let count = 0; ; count++) {
      const frame = this.#engine.nextFrame(this.#now);
      if (frame === undefined) break;
      must(count < 2_000, "frames without end");
      const { type, streamId } = decodeFrame(frame);
      if (type === MessageType.StreamStart && this.#side === "source") this.#streamId = streamId;
    }
    this.#drain(this.#engine);
    const { sendPool, receivePool } = this.#session;
    must(sendPool.used >= 0 && sendPool.used <= POOL_BYTES, `${sendPool.used} bytes are kept`);
    must(receivePool.used >= 0 && receivePool.used <= POOL_BYTES, `${receivePool.used} bytes are allowed`);
  }

  #drain(engine: Engine): void {
    for (const output of engine.drain()) this.#carry(output, engine);
  }

  #carry(output: EngineOutput, engine: Engine): void {
    if (output.type === "connect") this.#open.set(output.connection.key, output.connection);
    if (output.type === "close") {
      must(this.#open.delete(output.connection.key), "a connection is closed twice");
    }
    if (
      output.type !== "write" &&
      output.type !== "finish" &&
      output.type !== "adopt" &&
      output.type !== "hold"
    )
      return;
    must(this.#open.has(output.connection.key), `${output.type} of a connection that is closed`);
    if (output.type !== "write") return;
    engine.localHanded(output.connection, output.bytes.length);
    engine.localUnread(output.connection, 0, this.#now);
  }
}

/** A control message of few ids and counts, so that they meet; or one that is spoilt in a byte. */
function controlOf(cursor: Cursor): Uint8Array<ArrayBuffer> {
  const parts = cursor.byte();
  const connection = 1 + cursor.below(4);
  const count = cursor.pick([0, 1, 1_000, 16_384, 60_000, 300_000, 2 ** 53 - 1]);
  const session = new Uint8Array(16).fill(cursor.pick([9, 0, 1, 2, 3]));
  const positions = [{ connection, received: count }];
  const payload = encodeControl({
    hello:
      parts & 1
        ? { version: 1, features: 0, session, window: 16_384, required: parts & 128 ? 1 : 0 }
        : undefined,
    resume: parts & 2 ? positions : undefined,
    resumed: parts & 4 ? { positions: parts & 64 ? undefined : positions, next: cursor.below(5) } : undefined,
    credits: parts & 8 ? [{ connection, limit: count, acknowledged: cursor.pick([0, 1, count]) }] : [],
    fins: parts & 16 ? [{ connection, bytes: count }] : [],
    reasons: parts & 32 ? [{ connection, why: cursor.below(6) }] : [],
    probe: cursor.below(2),
    answer: cursor.below(2),
  });
  if (parts === 255) payload[cursor.below(payload.length)] = cursor.byte();
  return Uint8Array.from(payload);
}

/** Programs: actions; see `Cursor`. */
const EXAMPLES = [
  Uint8Array.of(150, 0, 1, 0, 0, 0, 0, 0, 200, 0, 9, 175, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 2, 0, 0),
  Uint8Array.of(
    110,
    0,
    1,
    0,
    1,
    0,
    0,
    1,
    0,
    0,
    75,
    0,
    9,
    175,
    110,
    0,
    1,
    0,
    0,
    3,
    0,
    0,
    1,
    0,
    0,
    250,
    0,
    135,
    4,
  ),
  Uint8Array.of(110, 0, 0, 1, 0, 16, 0, 0, 0, 0, 0, 215, 0, 245, 0, 135, 4, 110, 1, 0),
];

export const heldSource: Target = targetOf("source");
export const heldDestination: Target = targetOf("destination");

function targetOf(side: Side): Target {
  return {
    name: `held-${side}`,
    examples: EXAMPLES,
    words: [...EXAMPLES, Uint8Array.of(175), Uint8Array.of(110, 0, 1), Uint8Array.of(0, 1, 0, 0, 2, 0, 0)],
    maxLength: 160,
    suiteRuns: 10_000,
    run(input) {
      const cursor = new Cursor(input);
      const ends = new Ends(side);
      while (cursor.hasMore) ends.act(cursor);
      ends.finish();
    },
  };
}
