// Peers that resume what is not theirs, or in words that cannot be: what is held stays with whom it belongs to.
import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../../src/engine/engine.ts";
import { CONTROL_CONNECTION_ID, type Control } from "../../../../src/protocol/control.ts";
import { asked, give, makeDestination, makeSource, message, text } from "../harness.ts";
import {
  control,
  expectAlive,
  hello,
  makeSession,
  OURS,
  pairedDestination,
  pairedSource,
  RESUME_TIMEOUT_MS,
  said,
} from "./peers.ts";

const MOST = Number.MAX_SAFE_INTEGER;

describe("who resumes", () => {
  /** A destination's next WebSocket in which a source says HELLO and RESUME. */
  function resumeAt(session = makeSession(9), id = 7, resume: Control["resume"] = [], streamId = 3145746) {
    const engine = makeDestination({ continuity: session });
    give(engine, message("StreamStart", streamId, CONTROL_CONNECTION_ID));
    said(engine);
    give(engine, control(streamId, { hello: hello(id), resume }));
    return engine;
  }

  test("with a guessed session id gets UNKNOWN, and leaves what is held alone", () => {
    const session = makeSession(9);
    const before = pairedDestination(session, 2);
    before.suspend(0);
    asked(before);
    for (let id = 10; id < 110; id++) {
      const engine = resumeAt(session, id, [{ connection: 1, received: 0 }]);
      expect(said(engine).controls[0]?.resumed).toEqual({ positions: undefined, next: 0 });
      expect(asked(engine)).toEqual([]);
      engine.suspend(0);
    }
    expect(session.suspendedConnections).toBe(2);
    expect(asked(before)).toEqual([]);
    expect(asked(resumeAt(session, 7, [{ connection: 1, received: 0 }]))).toContain("adopt 1");
  });

  test("from a destination of another process gets nothing of it", () => {
    pairedDestination(makeSession(9)).suspend(0);
    const third = resumeAt(makeSession(8), 7, [{ connection: 1, received: 0 }]);
    expect(said(third).controls[0]?.resumed).toEqual({ positions: undefined, next: 0 });
    expect(asked(third)).toEqual([]);
  });

  test("and names connections of somebody else's session gets its own alone", () => {
    const session = makeSession(9);
    pairedDestination(session, 2).suspend(0);
    const other = makeDestination({ continuity: session });
    give(other, message("StreamStart", 4194328, 3));
    give(other, control(4194328, { hello: hello(6) }));
    said(other);
    asked(other);
    other.suspend(0);
    const resume = [1, 2, 3, 4_000_000].map((connection) => ({ connection, received: 0 }));
    const engine = resumeAt(session, 6, resume);
    expect(said(engine).controls[0]?.resumed?.positions).toEqual([{ connection: 3, received: 0 }]);
    expect(asked(engine)).toEqual(["adopt 3", "resumed SSH 1"]);
    expect(session.suspendedConnections).toBe(2);
  });

  test("and names a connection twice is not heard at all", () => {
    const session = makeSession(9);
    pairedDestination(session).suspend(0);
    const position = { connection: 1, received: 0 };
    const engine = resumeAt(session, 7, [position, position]);
    expect([asked(engine), said(engine).controls]).toEqual([["dropped: no control message"], []]);
    expect(session.suspendedConnections).toBe(1);
  });

  test("under an id that is open in the stream has lost it: each id is one connection", () => {
    const session = makeSession(9);
    pairedDestination(session, 2).suspend(0);
    const engine = makeDestination({ continuity: session });
    give(engine, message("StreamStart", 3145746, 1));
    const resume = [1, 2].map((connection) => ({ connection, received: 0 }));
    give(engine, control(3145746, { hello: hello(7), resume }));
    const lines = ["connect 3", "adopt 2", "resumed SSH 1", "adopt 1", "close 1 reset", "lost SSH 1"];
    expect(asked(engine)).toEqual(lines);
    const { controls } = said(engine);
    expect(controls.flatMap(({ resumed }) => resumed?.positions ?? [])).toEqual([
      { connection: 2, received: 0 },
    ]);
    expectAlive(engine, 3145746, 2);
    give(engine, message("StreamReset", 3145746, 1));
    expect(engine.openConnections).toBe(0);
  });

  test.each([
    ["more than was sent", 4],
    ["a number beyond all bounds", MOST],
  ])("and has received %s loses that connection alone", (_name, received) => {
    const session = makeSession(9);
    const before = pairedDestination(session, 2);
    before.localData({ key: 1, serviceId: "SSH" }, text("abc"));
    said(before);
    before.suspend(0);
    asked(before);
    const resume = [
      { connection: 1, received },
      { connection: 2, received: 0 },
    ];
    const engine = resumeAt(session, 7, resume);
    expect(asked(engine)).toEqual(["adopt 2", "resumed SSH 1", "adopt 1", "close 1 reset", "lost SSH 1"]);
    expect(session.suspendedConnections).toBe(0);
  });

  test("and takes back what it has acknowledged loses that connection", () => {
    const session = makeSession(9);
    const before = pairedDestination(session);
    before.localData({ key: 1, serviceId: "SSH" }, text("abc"));
    said(before);
    give(before, control(OURS, { credits: [{ connection: 1, limit: MOST, acknowledged: 3 }] }));
    before.suspend(0);
    asked(before);
    const engine = resumeAt(session, 7, [{ connection: 1, received: 1 }]);
    expect(asked(engine)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
  });

  test("twice with the same words gets nothing the second time", () => {
    const session = makeSession(9);
    pairedDestination(session).suspend(0);
    const resume = [{ connection: 1, received: 0 }];
    const engine = resumeAt(session, 7, resume);
    asked(engine);
    said(engine);
    give(engine, control(3145746, { hello: hello(7), resume }));
    expect(asked(engine)).toEqual([]);
    expect(said(engine).controls).toEqual([]);
    expectAlive(engine, 3145746, 1);
  });

  test("a stream that still runs in another WebSocket moves it, and the old one carries nothing of it any more", () => {
    const session = makeSession(9);
    const before = pairedDestination(session);
    const engine = resumeAt(session, 7, [{ connection: 1, received: 0 }]);
    expect(asked(before)).toEqual(["hold 1", "held SSH 1"]);
    expect(asked(engine)).toEqual(["adopt 1", "resumed SSH 1"]);
    give(before, message("Data", OURS, 1, { payload: text("late") }));
    expect(asked(before)).toEqual(["dropped: stale stream"]);
    said(engine);
    expectAlive(engine, 3145746, 1);
  });

  test("and never comes back leaves nothing after the resume time", () => {
    const session = makeSession(9);
    const engine = makeDestination({ continuity: session });
    for (let round = 1; round <= 300; round++) {
      give(engine, message("StreamStart", 1048582 * round, 1));
      give(
        engine,
        control(1048582 * round, {
          hello: hello(Uint8Array.from({ length: 16 }, (_, at) => (at < 2 ? (round >> (8 * at)) & 255 : 1))),
        }),
      );
      said(engine);
    }
    engine.suspend(0);
    expect(session.suspendedConnections).toBe(128);
    const other = pairedDestination(session);
    other.suspend(0);
    expect(asked(other)).toEqual(["hold 301", "held SSH 1"]);
    other.abandon("proxy stopped");
    engine.tickHeld(RESUME_TIMEOUT_MS);
    const outputs = asked(engine);
    expect(outputs.filter((line) => line.startsWith("connect"))).toHaveLength(300);
    expect(outputs.filter((line) => /^close \d+ reset$/.test(line))).toHaveLength(300);
    expect(session.suspendedConnections + session.sendPool.used + session.receivePool.used).toBe(0);
  });
});

describe("a destination that says it has never heard of a connection", () => {
  test.each<[string, (engine: Engine) => void]>([
    ["sent bytes of", (engine) => give(engine, message("Data", 1048582, 1, { payload: text("banner") }))],
    [
      "gave a credit to",
      (engine) => say(engine, { credits: [{ connection: 1, limit: 20_000, acknowledged: 0 }] }),
    ],
    ["told the end of", (engine) => say(engine, { fins: [{ connection: 1, bytes: 0 }] })],
  ])("that it %s before loses it: no second answer follows the first", (_name, answer) => {
    const session = makeSession(5);
    const engine = pairedSource(session);
    answer(engine);
    said(engine);
    engine.suspend(0);
    const next = makeSource({ continuity: session });
    next.tick(0);
    said(next);
    say(next, { hello: hello(9) });
    said(next);
    say(next, { resumed: { positions: [], next: 1 } });
    expect(asked(next)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
    expect(said(next).lines).toEqual([]);
  });

  test("and names one twice is not heard: what was just taken up is not reset", () => {
    const session = makeSession(5);
    pairedSource(session).suspend(0);
    const next = makeSource({ continuity: session });
    next.tick(0);
    said(next);
    say(next, { hello: hello(9) });
    said(next);
    const position = { connection: 1, received: 3 };
    say(next, { resumed: { positions: [position, position], next: 2 } });
    expect([asked(next), said(next).lines]).toEqual([["dropped: no control message"], []]);
    say(next, { resumed: { positions: [position], next: 2 } });
    expect(asked(next)).toEqual(["adopt 1", "resumed SSH 1"]);
  });

  function say(engine: Engine, content: Partial<Control>): void {
    give(engine, control(1048582, content));
  }
});
