// Peers that say on the control channel what they must not: it costs them a connection or their session, and nobody else
// anything; memory stays bounded.
import { describe, expect, test } from "bun:test";
import { Carrier } from "../../../../src/engine/carrier.ts";
import type { Engine } from "../../../../src/engine/engine.ts";
import type { Output } from "../../../../src/engine/output.ts";
import { CONTROL_CONNECTION_ID, type Control, encodeControl, Why } from "../../../../src/protocol/control.ts";
import { encodeFrame, type Message } from "../../../../src/protocol/message.ts";
import { asked, filled, give, makeDestination, message, serviceIds, text } from "../harness.ts";
import {
  control,
  expectAlive,
  hello,
  makeSession,
  OURS,
  pairedDestination,
  pairedSource,
  said,
} from "./peers.ts";

const POOL_BYTES = 16 * 1024 * 1024;
const FIRST_BYTES = 16 * 1024;
const MOST = Number.MAX_SAFE_INTEGER;

/** Every engine whose two ends have said HELLO, by its side, and the stream it is spoken to in. */
const SIDES: readonly [string, () => Engine, number][] = [
  ["a destination", () => pairedDestination(makeSession(9), 2), OURS],
  ["a source", () => pairedSource(makeSession(5), 2), 1048582],
];

/** A destination's carrier with one connection and both HELLOs said, and everything that it wants. */
function carry() {
  const carrier = new Carrier(
    {
      side: "destination",
      entries: (services) => services,
      hasServiceIds: true,
      lingerMs: 1_000,
      stallTimeoutMs: 10_000,
      keepaliveMs: 20_000,
      continuity: makeSession(9),
      random: () => 0,
    },
    0,
  );
  const tell = (one: Message) => carrier.tunnelBytes(encodeFrame(one), 0);
  const take = () => {
    const outputs: Output[] = [];
    for (;;) {
      const output = carrier.poll(0, 0);
      if (output === undefined) return outputs;
      outputs.push(output);
    }
  };
  tell(serviceIds(["SSH"]));
  tell(message("StreamStart", OURS, 1));
  tell(control(OURS, { hello: hello(7) }));
  take();
  return { carrier, tell, take };
}

describe.each(SIDES)("%s", (_side, make, streamId) => {
  test.each<[string, Partial<Control>]>([
    ["a HELLO again", { hello: hello(7) }],
    ["a HELLO of another session", { hello: hello(8, { window: 0 }) }],
    [
      "a HELLO with RESUME, in a stream that goes on",
      { hello: hello(7), resume: [{ connection: 1, received: 0 }] },
    ],
    ["a RESUME without HELLO", { resume: [{ connection: 1, received: 0 }] }],
    [
      "a RESUMED that nobody asked for",
      { resumed: { positions: [{ connection: 1, received: 1 }], next: 1 } },
    ],
    ["UNKNOWN that nobody asked for", { resumed: { positions: undefined, next: 0 } }],
    ["a credit that goes back", { credits: [{ connection: 1, limit: 0, acknowledged: 0 }] }],
    [
      "an acknowledgement of what was not sent",
      { credits: [{ connection: 1, limit: MOST, acknowledged: MOST }] },
    ],
    [
      "credit for a connection that is not there",
      { credits: [{ connection: 77, limit: MOST, acknowledged: MOST }] },
    ],
    ["an end of a connection that is not there", { fins: [{ connection: 77, bytes: 0 }] }],
    ["a reason for a connection that is not there", { reasons: [{ connection: 77, why: Why.Reset }] }],
    ["a reason that does not exist", { reasons: [{ connection: 1, why: 0xffff_ffff }] }],
    ["an end that cannot be reached", { fins: [{ connection: 1, bytes: MOST }] }],
    ["an answer to no question", { answer: 12_345 }],
  ])("goes on in every connection after %s", (_name, content) => {
    const engine = make();
    for (let count = 0; count < 3; count++) give(engine, control(streamId, content));
    expect(asked(engine)).toEqual([]);
    expect(said(engine)).toEqual({ controls: [], lines: [] });
    expectAlive(engine, streamId, 1);
    expectAlive(engine, streamId, 2);
  });

  test("tells once of messages that are none, whatever is wrong about them", () => {
    const engine = make();
    const begin = [...encodeControl({})];
    const twice = [...encodeControl({ hello: hello(7) })].slice(8);
    const entries = Array.from({ length: 4_097 }, () => ({ connection: 1, limit: 1, acknowledged: 0 }));
    const payloads = [
      text("GET / HTTP/1.1"),
      Uint8Array.of(...begin, 0x0a, 0x7f),
      Uint8Array.of(...begin, ...twice, ...twice),
      encodeControl({ hello: hello(new Uint8Array(15)) }),
      encodeControl({ hello: hello(new Uint8Array(1_000)) }),
      encodeControl({ hello: hello(7, { version: 0 }) }),
      encodeControl({ hello: hello(7, { window: 2 ** 32 }) }),
      encodeControl({ credits: [{ connection: 0, limit: 1, acknowledged: 0 }] }),
      encodeControl({ credits: [{ connection: CONTROL_CONNECTION_ID, limit: 1, acknowledged: 0 }] }),
      encodeControl({ credits: [{ connection: 1, limit: 2 ** 60, acknowledged: 0 }] }),
      encodeControl({ credits: entries }),
    ];
    for (const payload of payloads) {
      give(engine, message("Data", streamId, CONTROL_CONNECTION_ID, { payload }));
    }
    expect(asked(engine)).toEqual(["dropped: no control message"]);
    expect(said(engine)).toEqual({ controls: [], lines: [] });
    expectAlive(engine, streamId);
  });

  test("cuts off who sends on after the end that it told, alone", () => {
    const engine = make();
    give(engine, control(streamId, { fins: [{ connection: 1, bytes: 3 }] }));
    give(engine, message("Data", streamId, 1, { payload: text("abcd") }));
    expect(asked(engine)).toEqual(["close 1 reset"]);
    expect(said(engine).lines).toEqual([`CONNECTION_RESET SSH ${streamId}.1`]);
    expectAlive(engine, streamId);
  });

  test("keeps to the first of two ends that contradict each other", () => {
    const engine = make();
    give(engine, control(streamId, { fins: [{ connection: 1, bytes: 3 }] }));
    for (const bytes of [0, 2, 4, MOST]) {
      give(engine, control(streamId, { fins: [{ connection: 1, bytes }] }));
    }
    give(engine, message("Data", streamId, 1, { payload: text("abc") }));
    expect(asked(engine)).toEqual(["write 1 abc", "finish 1"]);
    give(engine, control(streamId, { fins: [{ connection: 1, bytes: 3 }] }));
    expect(asked(engine)).toEqual([]);
    said(engine);
    expectAlive(engine, streamId);
  });

  test("says no more for a flood of control messages than for one", () => {
    const engine = make();
    for (let probe = 1; probe <= 20_000; probe++) {
      give(
        engine,
        control(streamId, {
          probe,
          fins: [{ connection: 1, bytes: 9 }],
          reasons: [{ connection: 2, why: probe }],
        }),
      );
    }
    expect(asked(engine)).toEqual([]);
    const { controls, lines } = said(engine);
    expect(controls.map(({ answer }) => answer)).toEqual([20_000]);
    expect(lines).toEqual([]);
    expectAlive(engine, streamId);
  });
});

describe("a carrier", () => {
  test("wants nothing more than an answer after a flood of control messages", () => {
    const { carrier, tell, take } = carry();
    for (let probe = 1; probe <= 10_000; probe++) tell(control(OURS, { probe, hello: hello(probe % 256) }));
    const frames = take().filter(({ type }) => type !== "ping");
    expect(frames.map(({ type }) => type)).toEqual(["frame"]);
    expect(carrier.backlog).toBe(0);
    expect(carrier.isOver).toBe(false);
  });

  test("tells once of a flood of nonsense on the control channel, and carries on", () => {
    const { tell, take } = carry();
    const nonsense = message("Data", OURS, CONTROL_CONNECTION_ID, { payload: filled(60_000) });
    for (let count = 0; count < 1_000; count++) tell(nonsense);
    expect(take().map(({ type }) => type)).toEqual(["event"]);
    tell(message("Data", OURS, 1, { payload: text("ping") }));
    expect(take().map(({ type }) => type)).toEqual(["write"]);
  });
});

describe("a window without limit", () => {
  test("makes a destination keep no more than half of its pool", () => {
    const session = makeSession(9);
    const engine = makeDestination({ continuity: session });
    give(engine, message("StreamStart", OURS, 1));
    give(engine, message("ConnectionStart", OURS, 2));
    const credits = [1, 2].map((connection) => ({ connection, limit: MOST, acknowledged: 0 }));
    give(engine, control(OURS, { hello: hello(7, { window: 0xffff_ffff }), credits }));
    let bytes = 0;
    const count = (lines: readonly string[]) => {
      for (const line of lines) bytes += Number(/ (\d+) bytes$/.exec(line)?.[1] ?? 0);
    };
    for (let at = 0; at < 48; at++) {
      engine.localData({ key: 1 + (at % 2), serviceId: "SSH" }, filled(1024 * 1024));
    }
    count(said(engine).lines);
    expect(bytes).toBe(POOL_BYTES / 2 + 2 * FIRST_BYTES);
    expect(session.sendPool.used).toBe(POOL_BYTES / 2);
    give(engine, message("ConnectionReset", OURS, 1));
    give(engine, message("ConnectionReset", OURS, 2));
    expect(session.sendPool.used).toBe(0);
  });
});
