import { describe, expect, test } from "bun:test";
import type { Session } from "../../../../src/engine/continuity/session.ts";
import type { Engine } from "../../../../src/engine/engine.ts";
import type { Connection } from "../../../../src/engine/output.ts";
import { CONTROL_CONNECTION_ID, encodeControl, Why } from "../../../../src/protocol/control.ts";
import { accept, asked, filled, give, makeDestination, makeSource, message, sent, text } from "../harness.ts";
import { control, hello, makeSession, OURS, RESUME_TIMEOUT_MS, said } from "./peers.ts";

const FOREIGN = 203;

/** A destination with one connection of a source of ours, both HELLOs said. */
function paired(session = makeSession(9)) {
  const engine = makeDestination({ continuity: session });
  give(engine, message("StreamStart", OURS, 1));
  give(engine, control(OURS, { hello: hello(7) }));
  const { controls } = said(engine);
  asked(engine);
  return { engine, session, controls, connection: { key: 1, serviceId: "SSH" } };
}

/** A source with one connection that has sent 3 bytes, to the destination process of an id. */
function pairedSource(session: Session, processId = 9) {
  const engine = makeSource({ continuity: session });
  const connection = accept(engine);
  engine.localData(connection, text("abc"));
  said(engine);
  give(engine, control(1048582, { hello: hello(processId) }));
  const { controls } = said(engine);
  asked(engine);
  return { engine, connection, controls };
}

describe("a destination", () => {
  test("says HELLO once, first, to a source of ours (P92)", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, 1));
    engine.localData({ key: 1, serviceId: "SSH" }, text("hi"));
    const { controls, lines } = said(engine);
    expect(controls.map((one) => one.hello)).toEqual([hello(9)]);
    expect(lines).toEqual(["DATA SSH 2097164.1 hi"]);
  });

  test.each([
    ["a foreign source", FOREIGN, 1],
    ["an older one", OURS, 0],
  ])("says nothing new to %s", (_name, streamId, connectionId) => {
    const lines = [makeSession(9), undefined].map((continuity) => {
      const engine = makeDestination({ continuity });
      give(engine, message("StreamStart", streamId, connectionId));
      engine.localData({ key: 1, serviceId: "SSH" }, filled(300_000));
      engine.localEnded({ key: 1, serviceId: "SSH" }, 0);
      const before = sent(engine);
      engine.tick(10_000);
      return [...asked(engine), ...before, ...sent(engine, 10_000)];
    });
    expect(lines[0]).toEqual(lines[1] as string[]);
  });

  test("sends little to a source that seems to be ours until its HELLO, for a second at most", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, 1));
    engine.localData({ key: 1, serviceId: "SSH" }, filled(20_000));
    expect(said(engine).lines).toEqual(["DATA SSH 2097164.1 16384 bytes"]);
    expect(engine.deadline()).toBe(1_000);
    engine.tick(1_000);
    expect(said(engine, 1_000).lines).toEqual(["DATA SSH 2097164.1 3616 bytes"]);
  });

  test("dials nothing for the control channel alone (P100)", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, CONTROL_CONNECTION_ID));
    expect(asked(engine)).toEqual([]);
    expect(said(engine).controls.map((one) => one.hello)).toEqual([hello(9)]);
  });

  test("knows nothing of a session that it never carried (P103)", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, CONTROL_CONNECTION_ID));
    said(engine);
    give(engine, control(OURS, { hello: hello(7), resume: [{ connection: 1, received: 4 }] }));
    expect(said(engine).controls[0]?.resumed).toEqual({ positions: undefined, next: 0 });
    expect(asked(engine)).toEqual([]);
  });

  test("takes up in another WebSocket what its process has suspended, and only that", () => {
    const { engine, session, connection } = paired();
    engine.localData(connection, text("abcdef"));
    expect(said(engine).lines).toEqual(["DATA SSH 2097164.1 abcdef"]);
    engine.suspend(0);
    expect(asked(engine)).toEqual(["hold 1", "held SSH 1"]);
    engine.localData(connection, text("gh"));

    const next = makeDestination({ continuity: session });
    give(next, message("StreamStart", 3145746, CONTROL_CONNECTION_ID));
    said(next);
    const resume = [1, 2].map((id) => ({ connection: id, received: 4 }));
    give(next, control(3145746, { hello: hello(7), resume }));
    expect(asked(next)).toEqual(["adopt 1", "resumed SSH 1"]);
    const { controls, lines } = said(next);
    expect(controls[0]?.resumed).toEqual({ positions: [{ connection: 1, received: 0 }], next: 2 });
    expect(lines).toEqual(["DATA SSH 3145746.1 ef", "DATA SSH 3145746.1 gh"]);
  });

  test.each([
    ["the source does not name", []],
    ["has counts that do not fit", [{ connection: 1, received: 7 }]],
  ])("resets what %s (P101)", (_name, resume) => {
    const { engine, session } = paired();
    engine.suspend(0);
    const next = makeDestination({ continuity: session });
    give(next, message("StreamStart", 3145746, CONTROL_CONNECTION_ID));
    give(next, control(3145746, { hello: hello(7), resume }));
    expect(asked(next)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
    expect(session.suspendedConnections).toBe(0);
    expect(session.sendPool.used + session.receivePool.used).toBe(0);
  });

  test("suspends at STREAM_RESET and at a new start, and gives up after the resume time (P99)", () => {
    const { engine } = paired();
    give(engine, message("StreamStart", 4194328, 1));
    expect(asked(engine)).toEqual(["hold 1", "held SSH 1", "connect 2"]);
    expect(said(engine).controls).toHaveLength(1);
    engine.tick(RESUME_TIMEOUT_MS - 1);
    expect(asked(engine)).toEqual([]);
    engine.tick(RESUME_TIMEOUT_MS);
    expect(asked(engine)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
  });

  test("forgets after the resume time what has no socket any more, whoever carried it", () => {
    const { engine, session, connection } = paired();
    engine.localData(connection, text("abc"));
    engine.suspend(0);
    engine.localClosed(connection);
    const next = makeDestination({ continuity: session });
    expect(next.deadline()).toBe(RESUME_TIMEOUT_MS);
    next.tick(RESUME_TIMEOUT_MS);
    expect(session.suspendedConnections).toBe(0);
    expect(session.receivePool.used).toBe(0);
  });

  test("ends as ever where nothing is to be waited for", () => {
    const { engine, session } = paired(makeSession(9, 0));
    give(engine, message("StreamReset", OURS, 1));
    expect(asked(engine)).toEqual(["close 1 reset"]);
    expect(session.receivePool.used).toBe(0);
  });

  test("cuts off who passes its credit, in this connection (P94)", () => {
    const { engine } = paired();
    give(engine, message("ConnectionStart", OURS, 2));
    const { controls } = said(engine);
    expect(controls[0]?.credits).toEqual([{ connection: 2, limit: 256 * 1024, acknowledged: 0 }]);
    asked(engine);
    for (let bytes = 0; bytes < 256 * 1024; bytes += 32_768) {
      give(engine, message("Data", OURS, 2, { payload: filled(32_768) }));
    }
    expect(asked(engine).filter((line) => line.startsWith("close"))).toEqual([]);
    give(engine, message("Data", OURS, 2, { payload: filled(1) }));
    expect(asked(engine)).toEqual(["close 2 reset"]);
    expect(said(engine).lines).toEqual(["CONNECTION_RESET SSH 2097164.2"]);
  });

  test("drops what is no control message, and tells of it once (P91)", () => {
    const { engine } = paired();
    const payload = encodeControl({}).slice();
    for (let count = 0; count < 3; count++) {
      give(
        engine,
        message("Data", OURS, CONTROL_CONNECTION_ID, { payload: Uint8Array.of(...payload, 0x0a, 1) }),
      );
    }
    give(engine, message("Data", OURS, CONTROL_CONNECTION_ID, { payload: text("GET / HTTP/1.1") }));
    expect(asked(engine)).toEqual(["dropped: no control message"]);
  });

  test("goes on as ever with who must know what it does not (P92)", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, 1));
    said(engine);
    give(
      engine,
      control(OURS, {
        hello: { ...hello(7), required: 1 },
        credits: [{ connection: 1, limit: 5, acknowledged: 0 }],
      }),
    );
    expect(said(engine).controls).toEqual([]);
    give(engine, message("StreamReset", OURS, 1));
    expect(asked(engine)).toEqual(["connect 1", "close 1 reset"]);
  });

  test("hands an end of file on after its last byte, and keeps the way back (P96)", () => {
    const { engine, connection } = paired();
    give(engine, control(OURS, { fins: [{ connection: 1, bytes: 3 }] }));
    expect(asked(engine)).toEqual([]);
    give(engine, message("Data", OURS, 1, { payload: text("abc") }));
    expect(asked(engine)).toEqual(["write 1 abc", "finish 1"]);
    engine.tick(1_000_000);
    expect(asked(engine)).toEqual([]);
    engine.localData(connection, text("x"));
    engine.localEnded(connection, 0);
    const { controls, lines } = said(engine);
    expect(lines).toEqual(["DATA SSH 2097164.1 x"]);
    expect(controls.flatMap(({ fins }) => fins)).toEqual([{ connection: 1, bytes: 1 }]);
  });

  test("does not wait for a connection whose end was announced (P97, P99)", () => {
    const { engine } = paired();
    give(engine, control(OURS, { reasons: [{ connection: 1, why: Why.Stopped }] }));
    give(engine, message("StreamReset", OURS, 1));
    expect(engine.drain()).toMatchObject([
      { type: "close", how: "reset", why: "closed by the source: the other proxy was stopped" },
    ]);
  });

  test("tells why it could not connect, before the reset (P97)", () => {
    const { engine, connection } = paired();
    engine.localClosed(connection, Why.Refused);
    const { controls, lines } = said(engine);
    expect(controls.flatMap(({ reasons }) => reasons)).toEqual([{ connection: 1, why: Why.Refused }]);
    expect(lines).toEqual(["CONNECTION_RESET SSH 2097164.1"]);
  });

  test("tells what it could not connect to (P97)", () => {
    const { engine, connection } = paired();
    engine.localClosed(connection, Why.Refused, "127.0.0.1:22");
    const { controls } = said(engine);
    expect(controls.flatMap(({ reasons }) => reasons)).toEqual([
      { connection: 1, why: Why.Refused, address: "127.0.0.1:22" },
    ]);
  });
});

describe("a connection that the destination could not make before the source's HELLO (P97)", () => {
  function unmade() {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, 1));
    said(engine);
    engine.localClosed({ key: 1, serviceId: "SSH" }, Why.Refused, "127.0.0.1:22");
    return engine;
  }

  test("ends with the reason, once HELLO came", () => {
    const engine = unmade();
    expect(said(engine)).toEqual({ controls: [], lines: [] });
    give(engine, control(OURS, { hello: hello(7) }));
    const { controls, lines } = said(engine);
    expect(controls.flatMap(({ reasons }) => reasons)).toEqual([
      { connection: 1, why: Why.Refused, address: "127.0.0.1:22" },
    ]);
    expect(lines).toEqual([`CONNECTION_RESET SSH ${OURS}.1`]);
  });

  test("ends without, when none comes in a second", () => {
    const engine = unmade();
    expect(engine.deadline()).toBe(1_000);
    engine.tick(1_000);
    expect(said(engine, 1_000)).toEqual({ controls: [], lines: [`CONNECTION_RESET SSH ${OURS}.1`] });
  });

  test("is forgotten when the source ends it meanwhile", () => {
    const engine = unmade();
    give(engine, message("ConnectionReset", OURS, 1));
    engine.tick(1_000);
    expect(said(engine, 1_000).lines).toEqual([]);
  });
});

describe("a source", () => {
  test("says nothing new to a destination that says no HELLO", () => {
    const lines = [makeSession(5), undefined].map((continuity) => {
      const engine = makeSource({ continuity });
      const connection = accept(engine);
      engine.localData(connection, filled(20_000));
      const first = sent(engine);
      give(engine, message("Data", 1048582, 2, { payload: text("x") }));
      give(engine, message("Data", 1048582, 1, { payload: text("hello") }));
      engine.localEnded(connection, 10);
      const second = sent(engine, 10);
      engine.tick(5_000);
      const third = sent(engine, 5_000);
      give(engine, message("StreamReset", 1048582, 1), 5_000);
      return [first, asked(engine), second, third];
    });
    expect(lines[0]).toEqual(lines[1] as string[][]);
  });

  test("keeps nothing for a destination that has spoken without HELLO", () => {
    const session = makeSession(5);
    const engine = makeSource({ continuity: session, format: 3 });
    const connection = accept(engine);
    engine.localData(connection, filled(60_000));
    said(engine);
    expect(session.sendPool.used).toBe(60_000 - 16_384);
    give(engine, message("Data", 1048582, 1, { payload: text("x") }));
    expect(session.sendPool.used).toBe(0);
    engine.localData(accept(engine), filled(60_000));
    said(engine);
    expect(session.sendPool.used).toBe(0);
  });

  test("answers HELLO, which ends what was held back (P42, P92)", () => {
    const engine = makeSource({ continuity: makeSession(5) });
    engine.localData(accept(engine), filled(20_000));
    expect(said(engine).lines).toEqual(["STREAM_START SSH 1048582.1", "DATA SSH 1048582.1 16384 bytes"]);
    give(
      engine,
      control(1048582, { hello: hello(9), credits: [{ connection: 1, limit: 262_144, acknowledged: 0 }] }),
    );
    const { controls, lines } = said(engine);
    expect(controls[0]?.hello).toEqual(hello(1));
    expect(lines).toEqual(["DATA SSH 1048582.1 3616 bytes"]);
  });

  test("sends no more than the HELLO's window before a credit (P94)", () => {
    const { engine, connection } = pairedSource(makeSession(5));
    engine.localData(connection, filled(20_000));
    expect(said(engine).lines).toEqual(["DATA SSH 1048582.1 16381 bytes"]);
    give(engine, control(1048582, { credits: [{ connection: 1, limit: 16_385, acknowledged: 0 }] }));
    expect(said(engine).lines).toEqual(["DATA SSH 1048582.1 x"]);
  });

  test("opens no other connection until it has taken up what was suspended (P100)", () => {
    const { engine, connection } = pairedSource(makeSession(5));
    give(engine, message("StreamReset", 1048582, 1));
    expect(asked(engine)).toEqual(["hold 1", "held SSH 1"]);
    const other = accept(engine);
    const at = engine.deadline() ?? 0;
    expect(at).toBeGreaterThanOrEqual(250);
    engine.tick(at);
    expect(said(engine, at).lines).toEqual([`STREAM_START SSH 3145746.${CONTROL_CONNECTION_ID}`]);
    give(engine, control(3145746, { hello: hello(9) }), at);
    expect(said(engine, at).controls[0]).toMatchObject({
      hello: hello(1),
      resume: [{ connection: 1, received: 0 }],
    });
    give(engine, control(3145746, { resumed: { positions: [{ connection: 1, received: 1 }], next: 2 } }), at);
    expect(asked(engine)).toEqual([`adopt ${connection.key}`, "resumed SSH 1"]);
    expect(said(engine, at).lines.sort()).toEqual([
      "CONNECTION_START SSH 3145746.2",
      "DATA SSH 3145746.1 bc",
    ]);
    expect(other.key).toBe(2);
  });

  test("takes up as many as it carries, in messages that are not too long", () => {
    const COUNT = 4_000;
    const session = makeSession(5);
    const engine = makeSource({ continuity: session, format: 3 });
    for (let count = 0; count < COUNT; count++) accept(engine);
    said(engine);
    give(engine, control(1048582, { hello: hello(9) }));
    said(engine);
    engine.suspend(0);
    expect(session.suspendedConnections).toBe(COUNT);
    const other = makeSession(9);
    const destination = makeDestination({ continuity: other });
    give(destination, message("StreamStart", OURS, 1));
    for (let id = 2; id <= COUNT; id++) give(destination, message("ConnectionStart", OURS, id));
    give(destination, control(OURS, { hello: hello(1) }));
    said(destination);
    destination.suspend(0);

    const next = makeSource({ continuity: session });
    next.tick(0);
    said(next);
    give(next, control(1048582, { hello: hello(9) }));
    const [resume] = said(next).controls;
    const nextDestination = makeDestination({ continuity: other });
    give(nextDestination, message("StreamStart", OURS, CONTROL_CONNECTION_ID));
    give(nextDestination, control(OURS, resume ?? {}));
    const { controls } = said(nextDestination);
    const resumed = controls.find((one) => one.resumed !== undefined) ?? {};
    give(next, control(1048582, resumed));
    expect(said(next).controls.flatMap(({ credits }) => credits)).toHaveLength(COUNT);
    expect(asked(next).filter((line) => line.startsWith("adopt"))).toHaveLength(COUNT);
  });

  test("tells nobody but the same process which connections it wants (P102, P103)", () => {
    const session = makeSession(5);
    const { engine } = pairedSource(session);
    engine.suspend(0);
    const next = makeSource({ continuity: session });
    next.tick(0);
    said(next);
    give(next, control(1048582, { hello: hello(8) }));
    expect(asked(next)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
    const { controls } = said(next);
    expect(controls.map(({ hello, resume }) => [hello?.session[0], resume])).toEqual([[2, undefined]]);
  });

  test("opens anew what the destination has never heard of, and nothing else (P101)", () => {
    const session = makeSession(5);
    const { engine } = pairedSource(session);
    const lost = accept(engine);
    engine.localData(lost, text("new"));
    said(engine);
    engine.suspend(0);
    const next = makeSource({ continuity: session });
    next.tick(0);
    said(next);
    give(next, control(1048582, { hello: hello(9) }));
    said(next);
    give(next, control(1048582, { resumed: { positions: [], next: 2 } }));
    expect(asked(next).sort()).toEqual(["adopt 1", "adopt 2", "close 1 reset", "lost SSH 1"]);
    expect(said(next).lines).toEqual(["CONNECTION_START SSH 1048582.3", "DATA SSH 1048582.3 new"]);
  });

  test.each([
    [
      "something that was dialled answers",
      message("Data", 1048582, CONTROL_CONNECTION_ID, { payload: text("SSH-2.0") }),
    ],
    ["it says UNKNOWN", control(1048582, { hello: hello(9), resumed: { positions: undefined, next: 0 } })],
  ])("gives up when %s", (_name, answer) => {
    const session = makeSession(5);
    pairedSource(session).engine.suspend(0);
    const next = makeSource({ continuity: session });
    next.tick(0);
    said(next);
    give(next, answer);
    expect(asked(next).slice(0, 2)).toEqual(["adopt 1", "close 1 reset"]);
    const connection = accept(next);
    expect(said(next).lines.at(-1)).toMatch(/START SSH \d+\.\d$/);
    expect(connection.key).toBe(2);
  });

  test("ends at the destination what ended without its knowledge, in its next stream (P101)", () => {
    const session = makeSession(5);
    const { engine, connection } = pairedSource(session);
    give(engine, control(1048582, { credits: [{ connection: 1, limit: 262_144, acknowledged: 3 }] }));
    engine.localClosed(connection);
    said(engine);
    give(engine, control(1048582, { credits: [{ connection: 1, limit: 262_144, acknowledged: 4 }] }));
    expect(said(engine).lines).toEqual(["CONNECTION_RESET SSH 1048582.1"]);
    engine.suspend(0);
    const next = makeSource({ continuity: session });
    accept(next);
    said(next);
    give(next, control(1048582, { hello: hello(9) }));
    expect(said(next).controls[0]).toMatchObject({ hello: hello(1), resume: [] });
  });

  test("gives up a destination that says nothing three times", () => {
    const session = makeSession(5);
    pairedSource(session).engine.suspend(0);
    const next = makeSource({ continuity: session });
    const starts: string[] = [];
    for (let now = 0; session.suspendedConnections > 0 && now < 60_000; now += 250) {
      next.tick(now);
      starts.push(...said(next, now).lines.filter((line) => line.startsWith("STREAM_START")));
    }
    expect(starts).toHaveLength(3);
    expect(asked(next).slice(0, 2)).toEqual(["adopt 1", "close 1 reset"]);
  });

  test.each([
    [Why.Refused, "127.0.0.1:22", "connection refused by 127.0.0.1:22 on the device"],
    [Why.Unreachable, "[fe80::1]:22", "[fe80::1]:22 on the device cannot be reached"],
    [Why.TimedOut, "plc.example:502", "plc.example:502 on the device did not answer in time"],
    [Why.Refused, undefined, "its application refused the connection"],
    [Why.Refused, "x".repeat(129), "its application refused the connection"],
    [Why.Unreachable, undefined, "its application cannot be reached"],
  ])("hears that %i was said of %p (P97)", (why, address, words) => {
    const { engine } = pairedSource(makeSession(5));
    give(engine, control(1048582, { reasons: [{ connection: 1, why, address }] }));
    give(engine, message("ConnectionReset", 1048582, 1));
    expect(engine.drain()).toMatchObject([{ type: "close", why: `closed by the destination: ${words}` }]);
  });

  test("passes a reset on as RST, with the reason in words (P97)", () => {
    const { engine } = pairedSource(makeSession(5));
    give(engine, control(1048582, { reasons: [{ connection: 1, why: Why.Reset }] }));
    give(engine, message("ConnectionReset", 1048582, 1));
    expect(engine.drain()).toMatchObject([
      { type: "close", how: "reset", why: "closed by the destination: its application reset the connection" },
    ]);
  });
});

describe("an orderly stop leaves nothing of its connections in the session:", () => {
  /** Of every process and strand here. */
  const IDS = [1, 5, 7, 9].map((number) => hello(number).session);

  /** Has bytes under way and unread, of connection 1, then stops. */
  function closeInUse(engine: Engine, connection: Connection, streamId: number, session: Session): void {
    give(engine, control(streamId, { credits: [{ connection: 1, limit: 262_144, acknowledged: 0 }] }));
    engine.localData(connection, filled(60_000));
    give(engine, message("Data", streamId, 1, { payload: filled(30_000) }));
    engine.localUnread(connection, 30_000, 0);
    said(engine);
    expect(session.sendPool.used).toBeGreaterThan(0);
    expect(session.receivePool.used).toBeGreaterThan(0);
    engine.close();
    expect(IDS.filter((id) => (session.carried(id) ?? session.find(id)) !== undefined)).toEqual([]);
    expect([session.sendPool.used, session.receivePool.used, session.suspendedConnections]).toEqual([
      0, 0, 0,
    ]);
  }

  test("at a destination", () => {
    const { engine, session, connection } = paired();
    expect(session.carried(hello(7).session)).toBeDefined();
    closeInUse(engine, connection, OURS, session);
  });

  test("at a source", () => {
    const session = makeSession(5);
    const { engine, connection } = pairedSource(session);
    closeInUse(engine, connection, 1048582, session);
  });
});
