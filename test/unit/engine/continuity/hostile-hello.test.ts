// HELLOs with what belongs to somebody else, or in streams of somebody else.
import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../../src/engine/engine.ts";
import { CONTROL_CONNECTION_ID } from "../../../../src/protocol/control.ts";
import { FIRST_STREAM_ID } from "../../../helpers/stream-ids.ts";
import { accept, asked, give, makeDestination, makeSource, message, sent, text } from "../harness.ts";
import { control, hello, makeSession, OURS, pairedDestination, RESUME_TIMEOUT_MS, said } from "./peers.ts";

const WEB = { serviceId: "WEB" };
const OTHER = 3 * FIRST_STREAM_ID;
const TAKEN = "dropped: its session id is that of another service";

/** A source of ours starts a stream of another service, with the session id of the first one. */
function sayAgain(engine: ReturnType<typeof makeDestination>, times = 1): void {
  give(engine, message("StreamStart", OTHER, 1, WEB));
  for (let n = 0; n < times; n++) give(engine, control(OTHER, { hello: hello(7), resume: [] }, WEB));
}

describe("a session id that is said again in another service", () => {
  function bothServices(session = makeSession(9)) {
    const engine = makeDestination({ continuity: session, services: ["SSH", "WEB"] });
    give(engine, message("StreamStart", OURS, 1));
    give(engine, control(OURS, { hello: hello(7) }));
    said(engine);
    asked(engine);
    return engine;
  }

  test("leaves the connections that a stream carries where they are, and is told once", () => {
    const session = makeSession(9);
    const engine = bothServices(session);
    sayAgain(engine, 3);
    expect(asked(engine)).toEqual(["connect 2", TAKEN]);
    give(engine, message("Data", OURS, 1, { payload: text("on") }));
    expect(asked(engine)).toEqual(["write 1 on"]);
    engine.suspend(0);
    expect(asked(engine)).toEqual(["hold 1", "held SSH 1"]);
    engine.tickHeld(RESUME_TIMEOUT_MS);
    expect(asked(engine)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
    expect([session.suspendedConnections, session.receivePool.used]).toEqual([0, 0]);
  });

  test("leaves what is suspended to the service, whose source resumes it", () => {
    const session = makeSession(9);
    const engine = bothServices(session);
    give(engine, message("StreamReset", OURS, 1));
    asked(engine);
    sayAgain(engine);
    expect(asked(engine)).toEqual(["connect 2", TAKEN]);
    give(engine, message("StreamStart", 4194328, 1));
    give(engine, control(4194328, { hello: hello(7), resume: [] }));
    expect(asked(engine)).toEqual(["connect 3", "adopt 1", "close 1 reset", "lost SSH 1"]);
  });

  test("leaves what another WebSocket holds", () => {
    const session = makeSession(9);
    const before = pairedDestination(session);
    before.suspend(0);
    asked(before);
    const engine = makeDestination({ continuity: session, services: ["WEB"] });
    sayAgain(engine);
    expect(asked(engine)).toEqual(["connect 2", TAKEN]);
    before.tickHeld(RESUME_TIMEOUT_MS);
    expect(asked(before)).toEqual(["adopt 1", "close 1 reset", "lost SSH 1"]);
  });

  test("leaves what another WebSocket carries, and its own connection runs without credit", () => {
    const session = makeSession(9);
    const before = pairedDestination(session);
    const engine = makeDestination({ continuity: session, services: ["WEB"] });
    sayAgain(engine);
    said(engine);
    asked(engine);
    engine.localData({ key: 2, serviceId: "WEB" }, new Uint8Array(60_000));
    expect(sent(engine)).toEqual([`DATA WEB ${OTHER}.1 60000 bytes`]);
    expect([asked(before), session.sendPool.used]).toEqual([[], 0]);
    before.suspend(0);
    expect(asked(before)).toEqual(["hold 1", "held SSH 1"]);
  });
});

describe("HELLO is not said", () => {
  const helloIn = (streamId: number, services: readonly string[], serviceId: string) => {
    const entries = services.length === 0 ? { entries: () => [""] } : {};
    const engine = makeDestination({ continuity: makeSession(9), services, ...entries });
    give(engine, message("StreamStart", streamId, 1, { serviceId }));
    return said(engine).controls.length;
  };

  test("in a stream with a number that a client reaches by counting (P21)", () => {
    const last = 101 * Math.floor((2 ** 20 - 1) / 101);
    expect([101, 10_100, last].map((id) => helloIn(id, ["SSH"], "SSH"))).toEqual([0, 0, 0]);
    expect([last + 101, OURS + 1].map((id) => helloIn(id, ["SSH"], "SSH"))).toEqual([1, 0]);
  });

  test("in a stream whose start named no service (P92)", () => {
    expect([helloIn(OURS, ["SSH"], ""), helloIn(OURS, [], "")]).toEqual([0, 0]);
  });
});

test("the control channel is not opened as a connection once both have said HELLO (P90)", () => {
  const engine = pairedDestination();
  give(engine, message("ConnectionStart", OURS, CONTROL_CONNECTION_ID));
  expect(asked(engine)).toEqual(["dropped: the id of the control channel"]);
  expect(said(engine).lines).toEqual([`CONNECTION_RESET SSH ${OURS}.${CONTROL_CONNECTION_ID}`]);
  give(engine, control(OURS, { probe: 8 }));
  expect(said(engine).controls.map(({ answer }) => answer)).toEqual([8]);
});

describe("what is no control message is told once", () => {
  const NO_CONTROL = "dropped: no control message";

  function repeat(engine: Engine, streamId: number, serviceId = "SSH"): void {
    const garbage = message("Data", streamId, CONTROL_CONNECTION_ID, { payload: text("x"), serviceId });
    for (let n = 0; n < 50; n++) give(engine, garbage);
  }

  test("by a source whose destination has not said HELLO, in each stream", () => {
    const engine = makeSource({ continuity: makeSession(5), format: 3, services: ["SSH", "WEB"] });
    for (const service of ["SSH", "WEB"]) accept(engine, service);
    const [ssh, web] = [FIRST_STREAM_ID, 2 * FIRST_STREAM_ID];
    expect(sent(engine)).toEqual([`STREAM_START SSH ${ssh}.1`, `STREAM_START WEB ${web}.1`]);
    repeat(engine, ssh);
    repeat(engine, web, "WEB");
    repeat(engine, ssh);
    expect(asked(engine)).toEqual([NO_CONTROL, NO_CONTROL]);
  });

  test("by a destination in a stream of a foreign source", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", 1, 1));
    repeat(engine, 1);
    expect(asked(engine)).toEqual(["connect 1", NO_CONTROL]);
    give(engine, message("StreamStart", 2, 1));
    repeat(engine, 2);
    expect(asked(engine)).toEqual(["close 1 end", "connect 2", NO_CONTROL]);
  });
});
