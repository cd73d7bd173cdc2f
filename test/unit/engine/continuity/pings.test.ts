import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../../src/engine/engine.ts";
import { MAX_PAYLOAD_BYTES } from "../../../../src/protocol/constants.ts";
import { CONTROL_CONNECTION_ID, encodeLoad, isControl } from "../../../../src/protocol/control.ts";
import { decodeFrame } from "../../../../src/protocol/message.ts";
import { accept, asked, filled, give, makeDestination, makeSource, message, text } from "../harness.ts";
import { control, hello, makeSession, OURS, pairedDestination, pairedSource, said } from "./peers.ts";

/** The first stream of a source of ours. */
const FIRST = 1048582;

/** The number of the probe that an engine sends now. */
function probeOf(engine: Engine, now: number): number {
  const probes = said(engine, now).controls.flatMap(({ probe }) => (probe > 0 ? [probe] : []));
  expect(probes).toHaveLength(1);
  return probes[0] as number;
}

function answer(engine: Engine, probe: number, now: number): void {
  give(engine, control(FIRST, { answer: probe }), now);
}

/** The next frame, while it is load. */
function nextLoad(engine: Engine, now: number, maxBytes?: number): number | undefined {
  const frame = engine.nextFrame(now, maxBytes);
  if (frame === undefined) return undefined;
  const { connectionId, payload } = decodeFrame(frame);
  expect([connectionId, isControl(payload)]).toEqual([CONTROL_CONNECTION_ID, true]);
  return payload.length;
}

describe("a ping (P105)", () => {
  test("is not answered by what answers the one before, which was given up", () => {
    const engine = pairedSource(makeSession(5));
    engine.ping("SSH", false, 0);
    const late = probeOf(engine, 0);
    engine.tick(5_000);
    expect(asked(engine)).toEqual(["pong SSH silent"]);
    engine.ping("SSH", false, 5_000);
    answer(engine, late, 5_001);
    expect(asked(engine)).toEqual([]);
    answer(engine, probeOf(engine, 5_002), 5_010);
    expect(asked(engine)).toEqual(["pong SSH 10"]);
  });

  test("starts a stream for the control channel alone, and counts from HELLO on", () => {
    const engine = makeSource({ continuity: makeSession(5), format: 3 });
    engine.ping("SSH", false, 0);
    expect(said(engine).lines).toEqual([`STREAM_START SSH ${FIRST}.${CONTROL_CONNECTION_ID}`]);
    give(engine, control(FIRST, { hello: hello(9) }), 40);
    answer(engine, probeOf(engine, 41), 52);
    expect(asked(engine)).toEqual(["pong SSH 12"]);
    const connection = accept(engine);
    engine.localData(connection, text("abc"));
    expect(said(engine, 60).lines).toEqual([`CONNECTION_START SSH ${FIRST}.1`, `DATA SSH ${FIRST}.1 abc`]);
  });

  test("is answered by a destination that dials nothing for it", () => {
    const engine = makeDestination({ continuity: makeSession(9) });
    give(engine, message("StreamStart", OURS, CONTROL_CONNECTION_ID));
    said(engine);
    give(engine, control(OURS, { hello: hello(7), probe: 77 }));
    expect(said(engine).controls.map(({ answer }) => answer)).toEqual([77]);
    expect(asked(engine)).toEqual([]);
  });

  test("counts what waits at this end, and takes the place of a probe that is on its way", () => {
    const engine = pairedSource();
    engine.ping("SSH", false, 1_000);
    const first = probeOf(engine, 1_030);
    answer(engine, first + 1, 1_040);
    expect(asked(engine)).toEqual([]);
    engine.ping("SSH", false, 1_041);
    expect(said(engine, 1_041).controls).toEqual([]);
    answer(engine, first, 1_050);
    expect(asked(engine)).toEqual(["pong SSH 50"]);
    answer(engine, first, 1_060);
    expect(asked(engine)).toEqual([]);
  });

  test("that nobody answers is given up after 5 s, and the next one goes out", () => {
    const engine = pairedSource();
    engine.ping("SSH", false, 1_000);
    const first = probeOf(engine, 1_000);
    expect(engine.deadline()).toBeLessThanOrEqual(6_000);
    engine.tick(6_000);
    expect(asked(engine)).toEqual(["pong SSH silent"]);
    engine.ping("SSH", false, 6_100);
    const second = probeOf(engine, 6_100);
    answer(engine, first, 6_110);
    answer(engine, second, 6_120);
    expect(asked(engine)).toEqual(["pong SSH 20"]);
  });

  test.each<[string, (engine: Engine) => void]>([
    ["that says nothing", (engine) => engine.tick(5_000)],
    [
      "that dialled its service for it",
      (engine) => give(engine, message("Data", FIRST, CONTROL_CONNECTION_ID, { payload: text("SSH-2.0") })),
    ],
  ])("to a destination %s ends its stream, and tells", (_name, meet) => {
    const engine = makeSource({ continuity: makeSession(5) });
    engine.ping("SSH", false, 0);
    said(engine);
    meet(engine);
    expect(asked(engine).filter((line) => line.startsWith("pong"))).toEqual(["pong SSH foreign"]);
    expect(said(engine, 5_000).lines).toEqual([`STREAM_RESET SSH ${FIRST}`]);
  });

  test("ends what was dialled for it alone where a connection was opened meanwhile", () => {
    const engine = makeSource({ continuity: makeSession(5), format: 3 });
    engine.ping("SSH", false, 0);
    accept(engine);
    said(engine);
    engine.tick(5_000);
    expect(asked(engine)).toContain("pong SSH foreign");
    expect(said(engine, 5_000).lines).toEqual([`CONNECTION_RESET SSH ${FIRST}.${CONTROL_CONNECTION_ID}`]);
  });

  test("in a stream that has connections of a foreign destination leaves them alone", () => {
    const engine = makeSource({ continuity: makeSession(5), format: 3 });
    engine.localData(accept(engine), text("abc"));
    said(engine);
    engine.ping("SSH", false, 0);
    engine.tick(5_000);
    expect(asked(engine).filter((line) => !line.startsWith("silent"))).toEqual(["pong SSH foreign"]);
    expect(said(engine, 5_000).lines).toEqual([]);
  });

  test.each<[string, (engine: Engine) => void]>([
    ["the stream", (engine) => give(engine, message("StreamReset", FIRST, 1))],
    ["the session", (engine) => give(engine, message("SessionReset", 0))],
    ["the WebSocket", (engine) => engine.suspend(10)],
  ])("ends with %s", (_name, lose) => {
    const engine = pairedSource();
    engine.ping("SSH", false, 0);
    lose(engine);
    expect(asked(engine)).toContain("pong SSH away");
  });

  test("waits for a stream in which connections are taken up again, and starts none", () => {
    const engine = pairedSource();
    give(engine, message("StreamReset", FIRST, 1));
    asked(engine);
    engine.ping("SSH", false, 10);
    expect(said(engine, 10).lines).toEqual([]);
    engine.tick(5_010);
    expect(asked(engine)).toEqual(["pong SSH away"]);
  });

  test.each([
    ["an older format", { continuity: makeSession(5), format: 2 as const }],
    ["no continuity here", {}],
  ])("is not sent with %s", (_name, options) => {
    const engine = makeSource(options);
    engine.ping("SSH", false, 0);
    expect(asked(engine)).toEqual(["pong SSH foreign"]);
    expect(said(engine).lines).toEqual([]);
  });
});

describe("load (P106)", () => {
  test("fills what room there is, after everything else, and is told with the pong", () => {
    const engine = pairedSource();
    engine.ping("SSH", true, 0);
    engine.localData({ key: 1, serviceId: "SSH" }, text("urgent"));
    const frames = [engine.nextFrame(0), engine.nextFrame(0)].map((frame) =>
      decodeFrame(frame as Uint8Array),
    );
    expect(frames.map(({ connectionId }) => connectionId)).toEqual([CONTROL_CONNECTION_ID, 1]);
    const sizes = [nextLoad(engine, 0), nextLoad(engine, 0, 1_000)];
    expect(sizes[0]).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
    expect(sizes[1]).toBeLessThanOrEqual(1_000);
    expect(engine.backlog).toBe(0);
    engine.tick(5_000);
    const [pong] = engine.drain().flatMap((output) => (output.type === "event" ? [output.event] : []));
    expect(pong).toMatchObject({ type: "pong", loadedBytes: (sizes[0] ?? 0) + (sizes[1] ?? 0) });
  });

  test("is over as soon as the proxy is stopped", () => {
    const engine = pairedSource();
    engine.ping("SSH", true, 0);
    decodeProbe(engine);
    expect(nextLoad(engine, 1)).toBeGreaterThan(60_000);
    engine.abandon("proxy stopped");
    expect(nextLoad(engine, 2)).toBeUndefined();
  });

  test("goes on for a second after an answer, and no longer", () => {
    const engine = pairedSource();
    engine.ping("SSH", true, 1_000);
    answer(engine, decodeProbe(engine), 1_010);
    expect(nextLoad(engine, 2_009)).toBeGreaterThan(60_000);
    expect(nextLoad(engine, 2_010)).toBeUndefined();
    engine.ping("SSH", true, 3_000);
    engine.nextFrame(3_000);
    expect(nextLoad(engine, 8_999)).toBeGreaterThan(60_000);
    expect(nextLoad(engine, 9_000)).toBeUndefined();
  });

  test("ends with a ping that wants none, and with its stream", () => {
    const engine = pairedSource();
    engine.ping("SSH", true, 0);
    give(engine, message("StreamReset", FIRST, 1));
    said(engine, 1);
    expect(nextLoad(engine, 1)).toBeUndefined();
    const other = pairedSource();
    other.ping("SSH", true, 0);
    answer(other, decodeProbe(other), 10);
    other.ping("SSH", false, 20);
    other.nextFrame(20);
    expect(nextLoad(other, 20)).toBeUndefined();
  });

  test("is dropped where it comes: nothing is written, kept, answered or told", () => {
    const engine = pairedDestination();
    const payload = encodeLoad(MAX_PAYLOAD_BYTES);
    expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
    for (let count = 0; count < 100; count += 1) {
      give(engine, message("Data", OURS, CONTROL_CONNECTION_ID, { payload }));
    }
    expect(asked(engine)).toEqual([]);
    expect(said(engine)).toEqual({ controls: [], lines: [] });
    give(engine, message("Data", OURS, 1, { payload: filled(3) }));
    expect(asked(engine)).toEqual(["write 1 xxx"]);
  });

  test.each([0, 5, 12, 13, 200])("of %i bytes at most is a control message", (bytes) => {
    const payload = encodeLoad(bytes);
    expect(payload.length).toBeLessThanOrEqual(Math.max(10, bytes));
    expect(isControl(payload)).toBe(true);
  });
});

/** The number of the probe in the next frame, behind which load may follow. */
function decodeProbe(engine: Engine): number {
  const frame = engine.nextFrame(1_000);
  const { payload } = decodeFrame(frame as Uint8Array);
  return payload.at(-1) as number;
}
