// The three machines against peers that say anything: they go on, or say which rule was broken, and never throw,
// hang or grow.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Relay } from "../../src/emulator/relay/relay.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { Format } from "../../src/engine/output.ts";
import { MAX_PAYLOAD_BYTES } from "../../src/protocol/constants.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../src/protocol/message.ts";
import { checkMessage, type Sender } from "../../src/protocol/rules.ts";
import { hostileBytes, likelyMessage } from "./messages.ts";

const SERVICES = ["SSH", "VNC"];
const FORMATS: readonly (Format | undefined)[] = [undefined, 3, 2, 1];

type Action =
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "accept" | "data" | "end" | "close"; readonly key: number }
  | { readonly type: "wait"; readonly ms: number };

const bytesFrom = (bytes: fc.Arbitrary<Uint8Array>) =>
  bytes.map((some): Action => ({ type: "bytes", bytes: some }));
const localAction = fc.oneof(
  fc.record({ type: fc.constantFrom("accept", "data", "end", "close"), key: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ type: fc.constant("wait"), ms: fc.constantFrom(0, 500, 1_000, 5_000, 10_000) }),
) as fc.Arbitrary<Action>;
const actions = (bytes: fc.Arbitrary<Uint8Array>) =>
  fc.array(fc.oneof(bytesFrom(bytes), localAction), { maxLength: 40 });

/** An engine with what its driver knows: which connections it may name. */
class Driven {
  readonly engine: Engine;
  readonly side: "source" | "destination";
  readonly open = new Map<number, string>();
  hasFailed = false;
  #now = 0;

  constructor(side: "source" | "destination", format: Format | undefined) {
    const options = {
      entries: () => SERVICES,
      format,
      hasServiceIds: true,
      lingerMs: 1_000,
      random: () => 0,
    };
    this.side = side;
    this.engine = new Engine(side, options);
    this.do({
      type: "bytes",
      bytes: encodeFrame(makeMessage({ type: MessageType.ServiceIds, availableServiceIds: SERVICES })),
    });
  }

  do(action: Action): void {
    this.#input(action);
    this.#carryOut();
    for (let count = 0; ; count++) {
      const frame = this.engine.nextFrame(this.#now);
      if (frame === undefined) break;
      if (count > 1_000) throw new Error("frames without end");
      this.#checkSent(decodeFrame(frame));
    }
    this.#carryOut();
  }

  #input(action: Action): void {
    if (action.type === "bytes") return this.engine.receive(action.bytes, this.#now);
    if (action.type === "wait") {
      this.#now += action.ms;
      return this.engine.tick(this.#now);
    }
    if (action.type === "accept") return this.#accept(SERVICES[action.key % 2] as string);
    const serviceId = this.open.get(action.key);
    if (serviceId === undefined) return;
    const connection = { key: action.key, serviceId };
    if (action.type === "data") this.engine.localData(connection, new Uint8Array(action.key * 30_000));
    if (action.type === "end") this.engine.localEnded(connection, this.#now);
    if (action.type !== "close") return;
    this.engine.localClosed(connection);
    this.open.delete(action.key);
  }

  #accept(serviceId: string): void {
    if (this.side === "destination") return;
    const connection = this.engine.localAccepted(serviceId, this.#now);
    if (connection !== undefined) this.open.set(connection.key, serviceId);
  }

  #carryOut(): void {
    for (const output of this.engine.drain()) {
      if (output.type === "fail") {
        expect(this.hasFailed).toBe(false);
        expect(["ERR_PROTOCOL", "ERR_SERVICE_IDS_MISMATCH"]).toContain(output.error.code);
        this.hasFailed = true;
      }
      if (output.type === "connect") this.open.set(output.connection.key, output.connection.serviceId);
      if (output.type === "write" || output.type === "close") {
        expect(this.open.has(output.connection.key)).toBe(true);
      }
      if (output.type === "close") this.open.delete(output.connection.key);
    }
  }

  /** Whatever the peer said, we keep the rules. */
  #checkSent(message: Message): void {
    expect(checkMessage(message, [this.side])).toBe(true);
    expect(message.payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
  }
}

describe.each([["source"], ["destination"]] as const)("a %s engine", (side) => {
  test.each([
    ["hostile bytes", hostileBytes],
    ["messages that may be", likelyMessage.map(encodeFrame)],
  ])("given %s fails by a rule or goes on, and sends nothing wrong", (_title, bytes) => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), actions(bytes), (format, all) => {
        const driven = new Driven(side, format);
        for (const action of all) driven.do(action);
      }),
      { numRuns: 1_000 },
    );
  });

  test("comes to rest after whatever happened, once its applications are gone", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), actions(likelyMessage.map(encodeFrame)), (format, all) => {
        const driven = new Driven(side, format);
        for (const action of all) driven.do(action);
        for (const key of [...driven.open.keys()]) driven.do({ type: "close", key });
        for (let wait = 0; wait < 4; wait++) driven.do({ type: "wait", ms: 10_000 });
        const { engine } = driven;
        expect([engine.openConnections, engine.backlog, engine.deadline()]).toEqual([0, 0, undefined]);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the relay", () => {
  const sides = fc.constantFrom("source" as const, "destination" as const);
  const step = fc.record({ side: sides, bytes: hostileBytes, dice: fc.nat(20) });

  test("given hostile bytes closes their sender by a rule or goes on, and sends only sound messages", () => {
    fc.assert(
      fc.property(
        fc.constantFrom([], ["SSH"], SERVICES),
        fc.array(step, { maxLength: 40 }),
        (services, steps) => {
          const relay = new Relay();
          const present = new Set<string>();
          for (const { side, bytes, dice } of steps) {
            if (dice === 0) {
              relay.leave(side);
              present.delete(side);
            } else if (dice < 3 || present.size === 0) {
              relay.join(side, services, true);
              present.add(side);
            } else relay.receive(side, bytes);
            for (const output of relay.drain()) {
              if (output.type === "close") {
                expect([output.side, output.error.code]).toEqual([side, "ERR_PROTOCOL"]);
              }
              if (output.type !== "send") continue;
              expect(present.has(output.to)).toBe(true);
              expect((((output.bytes[0] as number) << 8) | (output.bytes[1] as number)) + 2).toBe(
                output.bytes.length,
              );
              decodeFrame(output.bytes);
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("every message in every state", () => {
  const STATES: Readonly<Record<string, readonly Partial<Message>[]>> = {
    "no stream": [],
    "a stream of format 3": [{ type: MessageType.StreamStart, connectionId: 1 }],
    "a stream of format 2": [{ type: MessageType.StreamStart }],
    "a stream of format 1": [{ type: MessageType.StreamStart, serviceId: "" }],
    "an empty stream": [
      { type: MessageType.StreamStart, connectionId: 1 },
      { type: MessageType.ConnectionReset, connectionId: 1 },
    ],
    "a stream of the past": [
      { type: MessageType.StreamStart, connectionId: 1 },
      { type: MessageType.StreamReset },
    ],
  };
  const types = Object.values(MessageType);
  const ids = [0, 1, 2];

  test.each(Object.entries(STATES))(
    "is taken or breaks a rule that its sender is bound to: %s",
    (_title, before) => {
      for (const type of [...types, 8]) {
        for (const streamId of ids) {
          for (const connectionId of ids) {
            for (const serviceId of ["", "SSH"]) {
              const message = makeMessage({ type, streamId, connectionId, serviceId });
              expect(fails(before, message)).toBe(breaksRule(message, "source"));
            }
          }
        }
      }
    },
  );

  /** Whether a destination engine in a state fails by a message of the source or the service. */
  function fails(before: readonly Partial<Message>[], message: Message): boolean {
    const options = { entries: () => ["SSH"], hasServiceIds: true, lingerMs: 0, random: () => 0 };
    const engine = new Engine("destination", options);
    const give = (one: Message) => engine.receive(encodeFrame(one), 0);
    give(makeMessage({ type: MessageType.ServiceIds, availableServiceIds: ["SSH"] }));
    for (const fields of before) give(makeMessage({ type: 0, streamId: 1, serviceId: "SSH", ...fields }));
    engine.drain();
    give(message);
    return engine.drain().some(({ type }) => type === "fail");
  }

  function breaksRule(message: Message, sender: Sender): boolean {
    try {
      checkMessage(message, [sender, "service"]);
      return false;
    } catch {
      return true;
    }
  }
});
