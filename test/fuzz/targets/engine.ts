// Whole sessions of either side, fed with what a peer may say and what local programs may do. All that is known of an
// engine is in `Session`.
import { RemoteProtocolError } from "../../../src/base/errors.ts";
import { Engine } from "../../../src/engine/engine.ts";
import type { Connection, EngineOutput, Format } from "../../../src/engine/output.ts";
import { MAX_PAYLOAD_BYTES } from "../../../src/protocol/constants.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../../src/protocol/message.ts";
import { checkMessage } from "../../../src/protocol/rules.ts";
import { Cursor } from "../cursor.ts";
import { likelyFrame } from "../messages.ts";
import { attempt, isEqual, must, type Target } from "../target.ts";

const SERVICES = ["SSH", "VNC"];
const FORMATS: readonly (Format | undefined)[] = [undefined, 3, 2, 1];
const WAITS_MS = [0, 1, 500, 1_000, 5_000, 10_000];
const FAILURES = ["ERR_PROTOCOL", "ERR_SERVICE_IDS_MISMATCH"];
const SERVICE_IDS = encodeFrame(makeMessage({ type: MessageType.ServiceIds, availableServiceIds: SERVICES }));
const STARTS: readonly number[] = [MessageType.StreamStart, MessageType.ConnectionStart];
const CHUNK = new Uint8Array(70_000);

type Side = "source" | "destination";

/** An engine with what its driver knows. */
class Session {
  readonly #side: Side;
  readonly #engine: Engine;
  readonly #open = new Map<number, Connection>();
  /** Stream of each service, as far as it is known. */
  readonly #streams = new Map<string, number>();
  /** Every frame came whole so far. */
  #isAligned = true;
  #hasFailed = false;
  #now = 0;
  #received = 0;
  #written = 0;
  #given = 0;
  #sent = 0;

  constructor(side: Side, cursor: Cursor) {
    const choice = cursor.byte();
    const format = FORMATS[choice % 4];
    const random = () => (cursor.byte() % 3) / 2 ** 28;
    const options = { entries: () => SERVICES, format, hasServiceIds: choice < 240, lingerMs: 1_000, random };
    this.#side = side;
    this.#engine = new Engine(side, options);
    if (choice >= 32) this.#receive(SERVICE_IDS);
    this.#settle();
  }

  act(cursor: Cursor): void {
    const action = cursor.byte();
    if (action < 150) this.#receive(likelyFrame(cursor));
    else if (action < 175) this.#accept(cursor.pick(SERVICES));
    else if (action < 190) this.#wait(cursor.pick(WAITS_MS));
    else this.#actLocally(action, cursor);
    this.#settle();
  }

  /** Everything local ends: nothing may be left after a while. */
  finish(): void {
    for (const connection of [...this.#open.values()]) this.#close(connection);
    this.#settle();
    for (let waits = 0; waits < 4; waits++) {
      this.#wait(10_000);
      this.#settle();
    }
    const { openConnections, backlog } = this.#engine;
    must(openConnections === 0, "a connection is left when all local ones are gone");
    must(backlog === 0, "something waits for ever to be sent");
    must(this.#engine.deadline() === undefined, "an engine at rest has a deadline");
  }

  #receive(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#engine.receive(bytes, this.#now);
    this.#isAligned &&= isFrame(bytes);
    const message = this.#isAligned ? attempt(() => decodeFrame(bytes), RemoteProtocolError) : undefined;
    if (message === undefined || message instanceof RemoteProtocolError) return;
    this.#carryOut(message);
  }

  #wait(ms: number): void {
    this.#now += ms;
    this.#engine.tick(this.#now);
  }

  #accept(serviceId: string): void {
    const engine = this.#engine;
    if (this.#side === "destination" || engine.entryOf(serviceId) === undefined) return;
    const connection = engine.localAccepted(serviceId, this.#now);
    if (connection !== undefined) this.#open.set(connection.key, connection);
  }

  #actLocally(action: number, cursor: Cursor): void {
    const connection = [...this.#open.values()][cursor.below(Math.max(1, this.#open.size))];
    if (connection === undefined) return;
    if (action < 220) {
      const size = cursor.byte();
      const bytes = size < 250 ? CHUNK.subarray(0, size) : CHUNK;
      this.#given += bytes.length;
      this.#engine.localData(connection, bytes);
    } else if (action < 240) this.#engine.localEnded(connection, this.#now);
    else this.#close(connection);
  }

  #close(connection: Connection): void {
    this.#open.delete(connection.key);
    this.#engine.localClosed(connection);
  }

  /** Carries out what the engine wants and takes what it sends, as its driver does. */
  #settle(): void {
    this.#carryOut();
    for (let count = 0; ; count++) {
      const frame = this.#engine.nextFrame(this.#now);
      if (frame === undefined) break;
      must(count < 2_000, "frames without end");
      this.#checkSent(frame);
    }
    this.#carryOut();
    must(this.#written <= this.#received, "more is written than came");
    must(this.#sent <= this.#given, "more is sent than local programs gave");
  }

  /** @param cause the message that came just before, where it came alone */
  #carryOut(cause?: Message): void {
    for (const output of this.#engine.drain()) {
      if (cause !== undefined) this.#checkCause(output, cause);
      this.#carry(output);
    }
  }

  /** Only DATA of the stream that a service has now is written, as it came; only a start dials. */
  #checkCause(output: EngineOutput, { type, streamId, payload }: Message): void {
    if (output.type === "connect") {
      must(STARTS.includes(type), `message of type ${type} dials`);
      if (type === MessageType.StreamStart) this.#streams.set(output.connection.serviceId, streamId);
    }
    if (output.type !== "write") return;
    must(type === MessageType.Data && isEqual(output.bytes, payload), "other bytes are written than came");
    const current = this.#streams.get(output.connection.serviceId);
    must(current === undefined || current === streamId, "bytes of a stale stream are written");
  }

  #carry(output: EngineOutput): void {
    switch (output.type) {
      case "fail":
        must(!this.#hasFailed, "an engine fails twice");
        must(FAILURES.includes(output.error.code), `fails with ${output.error.code}`);
        this.#hasFailed = true;
        return;
      case "connect":
        must(this.#side === "destination", "a source dials");
        must(!this.#open.has(output.connection.key), "a key is used again");
        this.#open.set(output.connection.key, output.connection);
        return;
      case "write":
        must(this.#open.has(output.connection.key), "bytes for a connection that is closed");
        this.#written += output.bytes.length;
        return;
      case "close":
        must(this.#open.delete(output.connection.key), "a connection is closed twice");
        return;
      default:
        return;
    }
  }

  /** Whatever the peer said, we keep the rules. */
  #checkSent(frame: Uint8Array): void {
    const sent = decodeFrame(frame);
    if (sent.type === MessageType.StreamStart) this.#streams.set(sent.serviceId, sent.streamId);
    must(checkMessage(sent, [this.#side]), "a message that asks to be ignored");
    must(sent.payload.length <= MAX_PAYLOAD_BYTES, "a payload that is too long");
    this.#sent += sent.payload.length;
  }
}

function isFrame(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes.length === 2 + (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0));
}

/** Programs: options, then actions; see `Cursor`. */
const EXAMPLES = [
  // STREAM_START of SSH, DATA, the end of it.
  Uint8Array.of(64, 0, 64, 2, 5, 0, 0, 64, 1, 5, 0, 3, 1, 2, 3, 0, 64, 7, 5, 0),
  // Three of format 3 in one stream, local data, one ends, one is closed.
  Uint8Array.of(65, 0, 64, 2, 5, 0, 0, 64, 6, 9, 0, 200, 0, 50, 0, 64, 6, 13, 0, 225, 1, 245, 0, 180, 5),
  // Accepted, answered without ids, waited.
  Uint8Array.of(64, 160, 0, 0, 160, 0, 0, 200, 0, 9, 0, 64, 1, 1, 2, 2, 7, 7, 180, 4, 0, 64, 3, 1, 0),
  Uint8Array.of(0, 0, 64, 5, 160, 1, 0, 64, 131, 0, 64, 4),
];

const WORDS = [
  Uint8Array.of(0, 64, 2, 5, 0),
  Uint8Array.of(0, 64, 6, 9, 0),
  Uint8Array.of(0, 64, 1, 5, 0, 1, 7),
  Uint8Array.of(0, 64, 7, 5, 0),
  Uint8Array.of(0, 64, 3, 1, 0),
  Uint8Array.of(160, 0),
  Uint8Array.of(180, 3),
  Uint8Array.of(200, 0, 40),
  Uint8Array.of(230, 0),
  Uint8Array.of(250, 0),
];

export const source: Target = sessionsOf("source");
export const destination: Target = sessionsOf("destination");

function sessionsOf(side: Side): Target {
  return {
    name: side,
    examples: EXAMPLES,
    words: WORDS,
    maxLength: 240,
    suiteRuns: 60_000,
    run(input) {
      const cursor = new Cursor(input);
      const session = new Session(side, cursor);
      while (cursor.hasMore) session.act(cursor);
      session.finish();
    },
  };
}
