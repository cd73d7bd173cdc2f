import { describe, expect, test } from "bun:test";
import { Engine } from "../../../src/engine/engine.ts";
import { HOLD_MS } from "../../../src/engine/source.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { FIRST_STREAM_ID } from "../../helpers/stream-ids.ts";
import {
  asked,
  filled,
  give,
  LINGER_MS,
  makeDestination,
  message,
  sent,
  serviceIds,
  text,
} from "./harness.ts";

const SSH = { key: 1, serviceId: "SSH" };

/** A destination whose source opened stream 7 with connection 1, which is dialled as key 1. */
function started() {
  const destination = makeDestination();
  give(destination, message("StreamStart", 7, 1));
  asked(destination);
  return destination;
}

describe("streams at the destination", () => {
  test("are opened with a connection, and answered in their form (P40)", () => {
    const destination = makeDestination();
    give(destination, message("StreamStart", 7, 3));
    expect(asked(destination)).toEqual(["connect 1"]);
    destination.localData(SSH, text("hi"));
    destination.localClosed(SSH);
    expect(sent(destination)).toEqual(["DATA SSH 7.3 hi", "CONNECTION_RESET SSH 7.3"]);
    expect([destination.openConnections, destination.backlog]).toEqual([0, 0]);
  });

  test.each([
    ["format 2", message("StreamStart", 7), "SSH 7"],
    ["format 1", message("StreamStart", 7, 0, { serviceId: "" }), "- 7"],
  ])(
    "of %s are answered without the ids it lacks, and end with their connection (P40)",
    (_title, start, ids) => {
      const destination = makeDestination();
      give(destination, start);
      give(destination, { ...message("Data", 7, 0, { payload: text("in") }), serviceId: start.serviceId });
      expect(asked(destination)).toEqual(["connect 1", "write 1 in"]);
      destination.localData(SSH, text("out"));
      destination.localClosed(SSH);
      expect(sent(destination)).toEqual([`DATA ${ids} out`, `STREAM_RESET ${ids}`]);
      give(destination, { ...message("Data", 7), serviceId: start.serviceId });
      expect(asked(destination)).toEqual(["dropped: stale stream"]);
    },
  );

  test("in a tunnel without services need no service id (P41)", () => {
    const destination = makeDestination({ services: [], entries: () => [""] });
    give(destination, message("StreamStart", 7, 1, { serviceId: "" }));
    destination.localData({ key: 1, serviceId: "" }, text("x"));
    expect([asked(destination), sent(destination)]).toEqual([["connect 1"], ["DATA - 7.1 x"]]);
  });

  test.each([[7], [8]])("are replaced by a new start with id %d, without an answer (P22)", (streamId) => {
    const destination = started();
    destination.localData(SSH, text("unsent"));
    give(destination, message("StreamStart", streamId, 1));
    expect(asked(destination)).toEqual(["close 1 end", "connect 2"]);
    give(destination, message("Data", streamId, 1, { payload: text("new") }));
    expect([asked(destination), sent(destination)]).toEqual([["write 2 new"], []]);
  });

  test("keep bytes of the old id out of the new one (P23)", () => {
    const destination = started();
    give(destination, message("StreamStart", 8, 1));
    asked(destination);
    give(destination, message("Data", 7, 1, { payload: text("old") }));
    give(destination, message("StreamReset", 7));
    give(destination, message("ConnectionReset", 7, 1));
    expect(asked(destination)).toEqual(Array(3).fill("dropped: stale stream"));
  });

  test("end with all their connections (P19)", () => {
    const destination = started();
    give(destination, message("ConnectionStart", 7, 2));
    give(destination, message("StreamReset", 7));
    expect(asked(destination)).toEqual(["connect 2", "close 1 end", "close 2 end"]);
    give(destination, message("ConnectionStart", 7, 3));
    expect([asked(destination), sent(destination)]).toEqual([
      ["dropped: stale stream"],
      ["CONNECTION_RESET SSH 7.3"],
    ]);
  });

  test("end with RST once data went back on them: their source is lost, or it would end each by itself (P54)", () => {
    const destination = started();
    destination.localData(SSH, text("answer"));
    sent(destination);
    give(destination, message("StreamReset", 7));
    expect(asked(destination)).toEqual(["close 1 reset"]);
  });

  test("end with RST when the reset names a connection, as the service's do when a source is lost (P54)", () => {
    const destination = started();
    give(destination, message("StreamReset", 7, 1));
    expect(asked(destination)).toEqual(["close 1 reset"]);
  });

  test("outlive their last connection (P26)", () => {
    const destination = started();
    give(destination, message("ConnectionReset", 7, 1));
    give(destination, message("ConnectionStart", 7, 2));
    expect(asked(destination)).toEqual(["close 1 end", "connect 2"]);
  });

  test("of several services do not mix, even with the same id (P21)", () => {
    const destination = makeDestination({ services: ["A", "B"] });
    for (const serviceId of ["A", "B"]) give(destination, message("StreamStart", 7, 1, { serviceId }));
    give(destination, message("Data", 7, 1, { serviceId: "B", payload: text("b") }));
    give(destination, message("StreamReset", 7, 0, { serviceId: "A" }));
    expect(asked(destination)).toEqual(["connect 1", "connect 2", "write 2 b", "close 1 end"]);
  });
});

describe("connections at the destination", () => {
  test("are opened beside others (P15)", () => {
    const destination = started();
    give(destination, message("ConnectionStart", 7, 5));
    give(destination, message("Data", 7, 5, { payload: text("five") }));
    give(destination, message("Data", 7, 0, { payload: text("one") }));
    expect(asked(destination)).toEqual(["connect 2", "write 2 five", "write 1 one"]);
  });

  test("whose id is open end, and the new one is refused (P25)", () => {
    const destination = started();
    give(destination, message("ConnectionStart", 7, 1));
    expect(asked(destination)).toEqual(["close 1 end", "dropped: connection id in use"]);
    expect(sent(destination)).toEqual(["CONNECTION_RESET SSH 7.1"]);
  });

  test("that could not be dialled end (P53)", () => {
    const destination = started();
    destination.localClosed(SSH);
    expect(sent(destination)).toEqual(["CONNECTION_RESET SSH 7.1"]);
  });

  test("over the limit are refused (P28, P29)", () => {
    const destination = started();
    for (let id = 2; id <= 4_096; id++) give(destination, message("ConnectionStart", 7, id));
    asked(destination);
    give(destination, message("ConnectionStart", 7, 5_000));
    expect(asked(destination)).toEqual(["dropped: too many connections"]);
    expect(sent(destination)).toEqual(["CONNECTION_RESET SSH 7.5000"]);
  });

  const refused: readonly (readonly [title: string, start: Message, why: string, answer: string])[] = [
    [
      "an unknown service",
      message("StreamStart", 7, 1, { serviceId: "X" }),
      "no such service in this tunnel",
      "CONNECTION_RESET X 7.1",
    ],
    [
      "an unknown service in format 2",
      message("StreamStart", 7, 0, { serviceId: "X" }),
      "no such service in this tunnel",
      "STREAM_RESET X 7",
    ],
    ["a stale stream", message("ConnectionStart", 7, 2), "stale stream", "CONNECTION_RESET SSH 7.2"],
  ];
  test.each(refused)("to %s are answered with their end (P28)", (_title, start, why, answer) => {
    const destination = makeDestination();
    give(destination, start);
    expect([asked(destination), sent(destination)]).toEqual([[`dropped: ${why}`], [answer]]);
  });

  test("do not exist in a stream of format 2", () => {
    const destination = makeDestination();
    give(destination, message("StreamStart", 7));
    give(destination, message("ConnectionStart", 7, 2));
    expect(asked(destination)).toEqual(["connect 1", "dropped: the stream has no connection ids"]);
    expect(sent(destination)).toEqual(["CONNECTION_RESET SSH 7.2"]);
  });

  test("provoke answers for 64 KiB and no more (P66)", () => {
    const destination = makeDestination();
    const serviceId = "x".repeat(30_000);
    for (let id = 1; id <= 10; id++) give(destination, message("StreamStart", id, 1, { serviceId }));
    expect(sent(destination).length).toBe(3);
    expect(destination.backlog).toBe(0);
  });
});

describe("the end of a server's connection (P52)", () => {
  test("is told at once when the last byte came long ago", () => {
    const destination = started();
    give(destination, message("Data", 7, 1, { payload: text("GET") }), 100);
    asked(destination);
    destination.localData(SSH, filled(70_000));
    destination.localEnded(SSH, 5_000);
    expect(sent(destination, 5_000)).toEqual(["DATA SSH 7.1 64512 bytes", "DATA SSH 7.1 5488 bytes"]);
    expect(destination.deadline()).toBe(100 + LINGER_MS);
    destination.tick(5_000);
    expect([asked(destination), sent(destination)]).toEqual([["close 1 end"], ["CONNECTION_RESET SSH 7.1"]]);
  });

  test("is not told while bytes still come", () => {
    const destination = started();
    destination.localEnded(SSH, 0);
    give(destination, message("Data", 7, 1, { payload: text("up") }), 900);
    destination.tick(1_899 + HOLD_MS);
    expect(asked(destination)).toEqual(["write 1 up"]);
    destination.tick(1_900 + HOLD_MS);
    expect(asked(destination)).toEqual(["close 1 end"]);
  });

  test("is not told while a source that has heard nothing may hold back what it has (P42)", () => {
    const destination = started();
    give(destination, message("Data", 7, 1, { payload: filled(16_384) }), 0);
    destination.localEnded(SSH, 10);
    destination.tick(LINGER_MS + 20);
    asked(destination);
    give(destination, message("Data", 7, 1, { payload: text("released") }), LINGER_MS + 30);
    expect(asked(destination)).toEqual(["write 1 released"]);
  });

  test("waits for nothing held back once the source has heard a byte", () => {
    const destination = started();
    give(destination, message("Data", 7, 1, { payload: text("GET") }), 0);
    destination.localData(SSH, text("answer"));
    sent(destination, 50);
    give(destination, message("Data", 7, 1, { payload: text("more") }), 60);
    destination.localEnded(SSH, 70);
    expect(destination.deadline()).toBe(60 + LINGER_MS);
  });

  test("gives a client that was answered last only a few round trips to go on (P52)", () => {
    const destination = started();
    give(destination, message("Data", 7, 1, { payload: text("GET") }), 0);
    destination.localData(SSH, text("answer"));
    sent(destination, 50);
    destination.localEnded(SSH, 60);
    expect(destination.deadline()).toBe(150);
    destination.setAnswered(Number.POSITIVE_INFINITY, 200, 70);
    destination.tick(150);
    expect([asked(destination), destination.deadline()]).toEqual([["write 1 GET"], 850]);
    give(destination, message("Data", 7, 1, { payload: text("more") }), 200);
    destination.tick(850);
    expect([asked(destination), destination.deadline()]).toEqual([["write 1 more"], 200 + LINGER_MS]);
  });
});

describe("the way back while the tunnel is not read (P52)", () => {
  test.each([
    ["before the hold", 20],
    ["just after it", 5_001],
  ])("is given its time from when it is read again, to a server that ended %s", (_title, endedAt) => {
    const destination = started();
    give(destination, message("Data", 7, 1, { payload: text("GET") }), 0);
    destination.localData(SSH, text("answer"));
    sent(destination, 10);
    if (endedAt < 30) destination.localEnded(SSH, endedAt);
    destination.setHearing(false, 30);
    destination.tick(4_999);
    destination.setHearing(true, 5_000);
    if (endedAt > 30) destination.localEnded(SSH, endedAt);
    destination.tick(5_001);
    asked(destination);
    give(destination, message("Data", 7, 1, { payload: text("held") }), 5_002);
    expect(asked(destination)).toEqual(["write 1 held"]);
  });
});

describe("a source that is not known to be ours (P67)", () => {
  function bothGive(streamId: number) {
    const destination = makeDestination();
    give(destination, message("StreamStart", streamId, 1));
    give(destination, message("ConnectionStart", streamId, 2));
    for (const key of [1, 2]) destination.localData({ key, serviceId: "SSH" }, filled(120_000));
    asked(destination);
    return destination;
  }

  test("gets one message of a connection, then a gap in which others take their turns", () => {
    const destination = bothGive(7);
    expect(sent(destination)).toEqual(["DATA SSH 7.1 64512 bytes", "DATA SSH 7.2 64512 bytes"]);
    const gapMs = (64_512 / 16_000) * 2;
    expect(destination.deadline()).toBe(gapMs);
    destination.tick(gapMs - 0.1);
    expect(sent(destination, gapMs - 0.1)).toEqual([]);
    destination.tick(gapMs);
    expect(sent(destination, gapMs)).toEqual(["DATA SSH 7.1 55488 bytes", "DATA SSH 7.2 55488 bytes"]);
  });

  test("with one connection, or one of ours, gets everything at once", () => {
    expect(sent(bothGive(FIRST_STREAM_ID))).toHaveLength(4);
    const destination = started();
    destination.localData(SSH, filled(120_000));
    expect(sent(destination)).toHaveLength(2);
  });
});

describe("rules at the destination", () => {
  test("want SERVICE_IDS first (P30)", () => {
    const destination = new Engine("destination", {
      entries: () => ["SSH"],
      hasServiceIds: true,
      lingerMs: 0,
      random: () => 0,
    });
    give(destination, message("StreamStart", 7, 1));
    expect(asked(destination)).toEqual(["fail ERR_PROTOCOL P30"]);
  });

  test("take SERVICE_IDS once (P30)", () => {
    const destination = started();
    give(destination, serviceIds([]));
    give(destination, message("Data", 7, 1, { payload: text("on") }));
    expect(asked(destination)).toEqual(["dropped: the services are already known", "write 1 on"]);
  });

  test("fail once, and take nothing afterwards", () => {
    const destination = started();
    give(destination, { ...message("Data", 7, 1), type: 77 });
    give(destination, message("Unknown", 7));
    give(destination, message("Data", 7, 1, { payload: text("x") }));
    expect(asked(destination)).toEqual(["fail ERR_PROTOCOL P17"]);
  });

  test("know bytes that are no message (P12)", () => {
    const destination = started();
    destination.receive(Uint8Array.of(0, 1, 0xff), 0);
    expect(asked(destination)).toEqual(["fail ERR_PROTOCOL P12"]);
  });
});
