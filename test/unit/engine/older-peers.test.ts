// The source side and destinations of format 2 and 1: given by a flag, or found out by evidence.
import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/engine/engine.ts";
import { accept, asked, filled, give, LINGER_MS, makeSource, message, sent, text } from "./harness.ts";

const HOLD_MS = 1_000;
const HOLD_BYTES = 16 * 1_024;
const WAIT_MS = 10_000;

describe("the hold of a new stream (P42)", () => {
  test("sends 16 KiB and no more", () => {
    const source = makeSource();
    source.localData(accept(source), filled(20_000));
    expect(sent(source)).toEqual(["STREAM_START SSH 1048582.1", `DATA SSH 1048582.1 ${HOLD_BYTES} bytes`]);
  });

  test("lets further connections of every service wait", () => {
    const source = makeSource({ services: ["A", "B"] });
    for (const service of ["A", "A", "B"]) source.localData(accept(source, service), text("x"));
    expect(sent(source)).toEqual(["STREAM_START A 1048582.1", "DATA A 1048582.1 x"]);
  });

  test("is over after one second", () => {
    const source = makeSource();
    source.localData(accept(source), filled(20_000));
    accept(source);
    sent(source, 50);
    expect(source.deadline()).toBe(50 + HOLD_MS);
    source.tick(50 + HOLD_MS - 1);
    expect(sent(source)).toEqual([]);
    source.tick(50 + HOLD_MS);
    expect(sent(source)).toEqual([
      "CONNECTION_START SSH 1048582.2",
      `DATA SSH 1048582.1 ${20_000 - HOLD_BYTES} bytes`,
    ]);
  });

  test("is over with a message of format 3", () => {
    const source = makeSource();
    accept(source);
    sent(source);
    accept(source);
    give(source, message("Data", 1048582, 1, { payload: text("hi") }), 10);
    expect(sent(source)).toEqual(["CONNECTION_START SSH 1048582.2"]);
  });

  test("is over with the end of its connection", () => {
    const source = makeSource();
    source.localClosed(accept(source));
    accept(source);
    expect(sent(source)).toEqual([
      "STREAM_START SSH 1048582.1",
      "STREAM_RESET SSH 1048582",
      "STREAM_START SSH 2097164.1",
    ]);
  });

  test("is over with a reset, but the next stream has its own: a reset proves no format (P47)", () => {
    const source = makeSource();
    accept(source);
    accept(source);
    accept(source);
    sent(source);
    give(source, message("StreamReset", 1048582, 1), 10);
    expect(sent(source, 10)).toEqual(["STREAM_START SSH 2097164.1"]);
    expect(source.deadline()).toBe(10 + HOLD_MS);
  });

  test("tells an early end by STREAM_RESET, after what was read", () => {
    const source = makeSource();
    const first = accept(source);
    source.localData(first, filled(17_000));
    source.localClosed(first);
    expect(sent(source)).toEqual(["STREAM_START SSH 1048582.1", `DATA SSH 1048582.1 ${HOLD_BYTES} bytes`]);
    source.tick(HOLD_MS);
    expect(sent(source)).toEqual([
      `DATA SSH 1048582.1 ${17_000 - HOLD_BYTES} bytes`,
      "STREAM_RESET SSH 1048582",
    ]);
  });

  test("does not end the others of a stream by an early STREAM_RESET", () => {
    const source = makeSource();
    const first = accept(source);
    accept(source);
    sent(source);
    source.tick(HOLD_MS);
    source.localClosed(first);
    expect(sent(source)).toEqual(["CONNECTION_START SSH 1048582.2", "CONNECTION_RESET SSH 1048582.1"]);
  });

  test("is none when the format is given", () => {
    const source = makeSource({ format: 3 });
    source.localData(accept(source), filled(20_000));
    accept(source);
    expect(sent(source)).toEqual([
      "STREAM_START SSH 1048582.1",
      "CONNECTION_START SSH 1048582.2",
      "DATA SSH 1048582.1 20000 bytes",
    ]);
  });
});

describe("silence (P43)", () => {
  test("is told once, after 5 s", () => {
    const source = makeSource();
    accept(source);
    sent(source, 100);
    source.tick(5_099);
    expect([asked(source), source.deadline()]).toEqual([[], 5_100]);
    source.tick(5_100);
    source.tick(9_000);
    expect(asked(source)).toEqual(["silent SSH 5000"]);
  });

  test("is broken by any message", () => {
    const source = makeSource();
    accept(source);
    sent(source);
    give(source, message("Data", 1048582, 1), 4_999);
    source.tick(5_000);
    expect(asked(source)).toEqual([]);
  });

  test("is not told of a connection that is over", () => {
    const source = makeSource();
    source.localClosed(accept(source));
    sent(source);
    source.tick(5_000);
    expect(asked(source)).toEqual([]);
  });
});

/** Connection 1 open with an unknown destination, the hold over, connections 2 (idle) and 3 (1 byte sent) started too. */
function threeStarted(): Engine {
  const source = makeSource();
  accept(source);
  sent(source);
  source.tick(HOLD_MS);
  accept(source);
  source.localData(accept(source), text("3"));
  sent(source, HOLD_MS);
  return source;
}

describe("evidence of an older destination (P45)", () => {
  test("is a message without connection id: connections in the dark start again, or close once they sent (P44)", () => {
    const source = threeStarted();
    give(source, message("Data", 1048582, 0, { payload: text("hi") }), 1_500);
    expect(asked(source)).toEqual(["format 2", "close 3 reset", "write 1 hi"]);
    expect(sent(source)).toEqual([]);
    source.localData({ key: 1, serviceId: "SSH" }, text("on"));
    source.localClosed({ key: 1, serviceId: "SSH" });
    expect(sent(source)).toEqual([
      "DATA SSH 1048582 on",
      "STREAM_RESET SSH 1048582",
      "STREAM_START SSH 2097164",
    ]);
  });

  test("is a reset that answers CONNECTION_START", () => {
    const source = threeStarted();
    give(source, message("StreamReset", 1048582), 1_500);
    expect(asked(source)).toEqual(["format 2", "close 3 reset"]);
    expect(sent(source)).toEqual(["STREAM_START SSH 2097164"]);
    expect(source.openConnections).toBe(2);
  });

  test("is no reset before a CONNECTION_START", () => {
    const source = makeSource();
    accept(source);
    sent(source);
    give(source, message("StreamReset", 1048582), 10);
    expect(asked(source)).toEqual(["close 1 end"]);
  });

  test("is no reset with a connection id, which may be the service's (P47)", () => {
    const source = threeStarted();
    give(source, message("StreamReset", 1048582, 1), 1_500);
    expect(asked(source)).toEqual(["close 1 end", "close 2 end", "close 3 end"]);
  });

  test("is no reset after format 3 was proved", () => {
    const source = threeStarted();
    give(source, message("Data", 1048582, 2), 1_500);
    give(source, message("StreamReset", 1048582), 1_500);
    expect(asked(source)).toEqual(["close 1 reset", "close 2 reset", "close 3 reset"]);
  });

  test("is no reset by which the service tells that a peer of format 3 has left, soon after our own reset", () => {
    const source = makeSource();
    const first = accept(source);
    sent(source);
    give(source, message("Data", 1048582, 1, { payload: text("hi") }), 10);
    accept(source);
    sent(source, 20);
    source.localClosed(first);
    sent(source, 30);
    asked(source);
    give(source, message("StreamReset", 1048582, 1), 40);
    expect(asked(source)).toEqual(["close 2 reset"]);
    accept(source);
    accept(source);
    expect(sent(source, 50)).toEqual(["STREAM_START SSH 2097164.1", "CONNECTION_START SSH 2097164.2"]);
  });

  test("is the second reset in a row that answers a reset of ours, from a peer that only echoes ids", () => {
    const source = makeSource();
    for (const [streamId, expected] of [
      [1048582, []],
      [2097164, ["format 2"]],
    ] as const) {
      const first = accept(source);
      sent(source);
      give(source, message("Data", streamId, 1, { payload: text("hi") }), 10);
      accept(source);
      sent(source, 20);
      source.localClosed(first);
      sent(source, 30);
      asked(source);
      give(source, message("StreamReset", streamId, 1), 40);
      expect(asked(source).filter((line) => line.startsWith("format"))).toEqual([...expected]);
    }
  });

  test("is none once the peer has named a connection that only format 3 has", () => {
    const source = makeSource({ services: ["SSH"] });
    for (const streamId of [1048582, 2097164, 3145746]) {
      const first = accept(source);
      sent(source);
      give(source, message("Data", streamId, 1), 10);
      accept(source);
      sent(source, 20);
      give(source, message("Data", streamId, 2), 25);
      source.localClosed(first);
      sent(source, 30);
      give(source, message("StreamReset", streamId, 1), 40);
      expect(asked(source).filter((line) => line.startsWith("format"))).toEqual([]);
    }
  });

  test("is taken back when the peer gives a connection id that it was not given", () => {
    const source = threeStarted();
    give(source, message("StreamReset", 1048582), 1_500);
    expect(sent(source, 1_500)).toEqual(["STREAM_START SSH 2097164"]);
    give(source, message("Data", 2097164, 1, { payload: text("x") }), 1_600);
    expect(sent(source, 1_600)).toEqual([]);
    source.localClosed({ key: 1, serviceId: "SSH" });
    accept(source);
    expect(sent(source, 1_700)).toEqual([
      "STREAM_RESET SSH 2097164",
      "STREAM_START SSH 3145746.1",
      "CONNECTION_START SSH 3145746.2",
    ]);
  });

  test("keeps a connection whose stream began with another that is over", () => {
    const source = makeSource();
    const first = accept(source);
    sent(source);
    source.tick(HOLD_MS);
    accept(source);
    sent(source);
    source.localClosed(first);
    sent(source);
    give(source, message("Data", 1048582, 0, { payload: text("for the first") }), 1_500);
    expect(asked(source)).toEqual(["format 2", "dropped: no such connection"]);
    expect(sent(source)).toEqual(["STREAM_RESET SSH 1048582", "STREAM_START SSH 2097164"]);
  });

  test("is a message without service id: format 2 now, format 1 on the next WebSocket", () => {
    const source = makeSource();
    const first = accept(source);
    sent(source);
    give(source, message("Data", 1048582, 0, { serviceId: "", payload: text("hi") }), 10);
    expect(asked(source)).toEqual(["format 1", "write 1 hi"]);
    source.localData(first, text("on"));
    source.localClosed(first);
    accept(source);
    expect(sent(source)).toEqual([
      "DATA SSH 1048582 on",
      "STREAM_RESET SSH 1048582",
      "STREAM_START SSH 2097164",
    ]);
  });

  test("that gives back the connection id keeps getting it to the end of the stream", () => {
    const source = makeSource();
    const first = accept(source);
    sent(source);
    give(source, message("Data", 1048582, 1, { serviceId: "", payload: text("hi") }), 10);
    expect(asked(source)).toEqual(["format 1", "write 1 hi"]);
    source.localData(first, text("on"));
    source.localClosed(first);
    accept(source);
    expect(sent(source)).toEqual([
      "DATA SSH 1048582.1 on",
      "STREAM_RESET SSH 1048582.1",
      "STREAM_START SSH 2097164",
    ]);
  });

  test("counts for the streams of all services", () => {
    const source = makeSource({ services: ["A", "B"] });
    const keys = ["A", "B", "B"].map((service) => {
      const { key } = accept(source, service);
      sent(source);
      source.tick(HOLD_MS);
      return key;
    });
    give(source, message("Data", 1048582, 0, { serviceId: "A" }), 1_100);
    source.localData({ key: keys[1] as number, serviceId: "B" }, text("b"));
    source.localClosed({ key: keys[1] as number, serviceId: "B" });
    expect(sent(source)).toEqual([
      "DATA B 2097164.1 b",
      "STREAM_RESET B 2097164.1",
      "STREAM_START B 3145746",
    ]);
  });

  test("says nothing while the format is given", () => {
    const source = makeSource({ format: 3 });
    accept(source);
    sent(source);
    give(source, message("Data", 1048582, 0, { payload: text("hi") }), 10);
    expect(asked(source)).toEqual(["write 1 hi"]);
    accept(source);
    expect(sent(source)).toEqual(["CONNECTION_START SSH 1048582.2"]);
  });
});

describe.each([
  [2, "SSH"],
  [1, "-"],
] as const)("a destination given as format %d (P44)", (format, name) => {
  test("has one connection of a service open, and the next one waits", () => {
    const source = makeSource({ format });
    const first = accept(source);
    source.localData(accept(source), text("two"));
    expect(sent(source)).toEqual([`STREAM_START ${name} 1048582`]);
    source.localClosed(first);
    expect(sent(source)).toEqual([
      `STREAM_RESET ${name} 1048582`,
      `STREAM_START ${name} 2097164`,
      `DATA ${name} 2097164 two`,
    ]);
  });

  test("lets the next one start when the destination ends the stream", () => {
    const source = makeSource({ format });
    accept(source);
    accept(source);
    sent(source);
    give(source, message("StreamReset", 1048582, 0, { serviceId: format === 1 ? "" : "SSH" }), 10);
    expect(asked(source)).toEqual(["close 1 end"]);
    expect(sent(source)).toEqual([`STREAM_START ${name} 2097164`]);
  });

  test("takes its bytes, whatever ids they have", () => {
    const source = makeSource({ format });
    accept(source);
    sent(source);
    give(source, message("Data", 1048582, 0, { serviceId: "", payload: text("a") }), 10);
    give(source, message("Data", 1048582, 0, { payload: text("b") }), 10);
    expect(asked(source)).toEqual(["write 1 a", "write 1 b"]);
  });

  test("is not held back: the format is known", () => {
    const source = makeSource({ format });
    source.localData(accept(source), filled(30_000));
    expect(sent(source)).toEqual([`STREAM_START ${name} 1048582`, `DATA ${name} 1048582 30000 bytes`]);
  });

  test("refuses a connection that has waited ten seconds", () => {
    const source = makeSource({ format });
    accept(source);
    sent(source);
    accept(source, "SSH", 100);
    give(source, message("Data", 1048582), 200);
    expect(source.deadline()).toBe(100 + WAIT_MS);
    source.tick(100 + WAIT_MS);
    expect(asked(source)).toEqual([
      "refused: the other side carries one connection at a time",
      "close 2 end",
    ]);
    expect([source.openConnections, source.deadline()]).toEqual([1, undefined]);
  });

  test("refuses the 129th that would wait", () => {
    const source = makeSource({ format });
    accept(source);
    sent(source);
    for (let count = 0; count < 128; count++) accept(source);
    expect(source.localAccepted("SSH", 0)).toBeUndefined();
    expect(asked(source)).toEqual(["refused: too many connections"]);
  });

  test("ends by STREAM_RESET after the linger time", () => {
    const source = makeSource({ format });
    const first = accept(source);
    sent(source);
    source.localEnded(first, 0);
    source.tick(LINGER_MS);
    expect([asked(source), sent(source)]).toEqual([["close 1 end"], [`STREAM_RESET ${name} 1048582`]]);
  });
});
