import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/engine/engine.ts";
import type { Connection } from "../../../src/engine/output.ts";
import { decodeFrame } from "../../../src/protocol/message.ts";
import {
  accept,
  asked,
  filled,
  freshSource,
  give,
  LINGER_MS,
  makeSource,
  message,
  sent,
  serviceIds,
  text,
} from "./harness.ts";

/** A source whose destination has proved format 3 on stream 1048582, with connection 1 open. */
function provenSource(): { source: Engine; first: Connection } {
  const source = makeSource();
  const first = accept(source);
  sent(source);
  give(source, message("Data", 1048582, 1, { payload: text("!") }));
  asked(source);
  return { source, first };
}

describe("SERVICE_IDS at the source", () => {
  test.each([
    ["that fit make it ready", ["A", "B"], ["B", "A"], ["ready B,A"]],
    ["of another name fail it", ["SSH"], ["VNC"], ["fail ERR_SERVICE_IDS_MISMATCH"]],
    ["without a name fail a named entry", ["SSH"], [], ["fail ERR_SERVICE_IDS_MISMATCH"]],
    ["without a name fit an unnamed entry", [""], [], ["ready "]],
    ["of one name fit an unnamed entry", [""], ["SSH"], ["ready SSH"]],
    ["of two names fail an unnamed entry", [""], ["SSH", "VNC"], ["fail ERR_SERVICE_IDS_MISMATCH"]],
  ])("%s (P31)", (_title, entries, services, expected) => {
    const source = freshSource(entries);
    give(source, serviceIds(services));
    expect(asked(source)).toEqual(expected);
  });

  test("of a name too long break the rule (P30)", () => {
    const source = freshSource([""]);
    give(source, serviceIds(["x".repeat(129)]));
    expect(asked(source)).toEqual(["fail ERR_PROTOCOL P30"]);
  });

  test("of the longest name leave room for a whole payload (P13, P30)", () => {
    const source = freshSource([""]);
    const name = "ü".repeat(128);
    give(source, serviceIds([name]));
    source.localData(accept(source, name), filled(80_896));
    sent(source);
    source.tick(1_000);
    expect(sent(source)).toEqual([`DATA ${name} 1048582.1 64512 bytes`]);
  });

  test("are taken once (P30)", () => {
    const source = makeSource({ services: ["A", "B"] });
    give(source, serviceIds(["C"]));
    expect(asked(source)).toEqual(["dropped: the services are already known"]);
  });

  test("must come first, and nothing is taken after a broken rule (P30)", () => {
    const source = freshSource(["SSH"]);
    give(source, message("Data", 1, 1));
    give(source, serviceIds(["SSH"]));
    expect(asked(source)).toEqual(["fail ERR_PROTOCOL P30"]);
  });

  test("are what the service map names in subprotocol 1.0", () => {
    const source = makeSource({ hasServiceIds: false, services: ["SSH"], format: 2 });
    accept(source);
    expect(sent(source)).toEqual(["STREAM_START SSH 1048582"]);
  });

  test("are not awaited in subprotocol 1.0", () => {
    const source = makeSource({ hasServiceIds: false, services: [""], format: 1 });
    accept(source, "");
    expect(sent(source)).toEqual(["STREAM_START - 1048582"]);
  });
});

describe("a source with a destination of format 3", () => {
  test("opens a stream with its first connection, and sends at once (P15)", () => {
    const source = makeSource();
    source.localData(accept(source), text("hello"));
    expect(sent(source)).toEqual(["STREAM_START SSH 1048582.1", "DATA SSH 1048582.1 hello"]);
  });

  test("opens further connections in the same stream, counting up (P24)", () => {
    const { source } = provenSource();
    source.localData(accept(source), text("b"));
    accept(source);
    expect(sent(source)).toEqual([
      "CONNECTION_START SSH 1048582.2",
      "CONNECTION_START SSH 1048582.3",
      "DATA SSH 1048582.2 b",
    ]);
  });

  test("never uses a connection id twice, and keeps an empty stream (P24, P26)", () => {
    const { source, first } = provenSource();
    source.localClosed(first);
    sent(source);
    source.localClosed(accept(source));
    sent(source);
    accept(source);
    expect(sent(source)).toEqual(["CONNECTION_START SSH 1048582.3"]);
  });

  test("starts a new stream after the destination ended the old one (P19)", () => {
    const { source, first } = provenSource();
    give(source, message("StreamReset", 1048582, 77));
    expect(asked(source)).toEqual([`close ${first.key} reset`]);
    accept(source);
    expect(sent(source)).toEqual(["STREAM_START SSH 2097164.1"]);
  });

  test("has one stream for each service (P21)", () => {
    const source = makeSource({ services: ["A", "B"], format: 3 });
    for (const service of ["A", "B", "A"]) accept(source, service);
    expect(sent(source)).toEqual([
      "STREAM_START A 1048582.1",
      "STREAM_START B 2097164.1",
      "CONNECTION_START A 1048582.2",
    ]);
  });

  test("gives bytes to the connection they are for", () => {
    const { source, first } = provenSource();
    const second = accept(source);
    sent(source);
    give(source, message("Data", 1048582, 2, { payload: text("two") }));
    give(source, message("Data", 1048582, 1, { payload: text("one") }));
    give(source, message("Data", 1048582, 1));
    expect(asked(source)).toEqual([`write ${second.key} two`, `write ${first.key} one`]);
  });

  test("closes a connection that the destination closed, and only that", () => {
    const { source, first } = provenSource();
    const second = accept(source);
    sent(source);
    give(source, message("ConnectionReset", 1048582, 1));
    give(source, message("Data", 1048582, 1, { payload: text("late") }));
    give(source, message("Data", 1048582, 2, { payload: text("on") }));
    expect(asked(source)).toEqual([
      `close ${first.key} end`,
      "dropped: no such connection",
      `write ${second.key} on`,
    ]);
  });

  test("sends what a connection gave before it tells its end (P51)", () => {
    const { source, first } = provenSource();
    source.localData(first, filled(64_513));
    source.localClosed(first);
    source.localData(first, text("not any more"));
    expect(sent(source)).toEqual([
      "DATA SSH 1048582.1 64512 bytes",
      "DATA SSH 1048582.1 x",
      "CONNECTION_RESET SSH 1048582.1",
    ]);
    expect([source.backlog, source.openConnections]).toEqual([0, 0]);
  });

  test("sends nothing more for a connection that the destination closed", () => {
    const { source, first } = provenSource();
    source.localData(first, filled(200_000));
    give(source, message("ConnectionReset", 1048582, 1));
    expect(sent(source)).toEqual([]);
    expect(source.backlog).toBe(0);
  });

  test.each([
    ["another stream", message("Data", 999, 1)],
    ["another stream's end", message("StreamReset", 999)],
    ["an unknown service", message("Data", 1048582, 1, { serviceId: "VNC" })],
  ])("drops a message about %s (P23)", (_title, stale) => {
    const { source } = provenSource();
    give(source, stale);
    expect(asked(source)).toEqual(["dropped: stale stream"]);
  });

  test("ignores the end of an unknown connection (P27)", () => {
    const { source } = provenSource();
    give(source, message("ConnectionReset", 1048582, 9));
    expect(asked(source)).toEqual([]);
  });

  test("takes a message without connection id for connection 1 (P41)", () => {
    const source = makeSource({ format: 3 });
    const first = accept(source);
    accept(source);
    sent(source);
    give(source, message("Data", 1048582, 0, { payload: text("one") }));
    source.localClosed(first);
    sent(source);
    give(source, message("Data", 1048582, 0, { payload: text("late") }));
    expect(asked(source)).toEqual([`write ${first.key} one`, "dropped: no such connection"]);
  });

  test("ends every stream at SESSION_RESET (P18)", () => {
    const source = makeSource({ services: ["A", "B"], format: 3 });
    const keys = ["A", "B"].map((service) => accept(source, service).key);
    sent(source);
    give(source, message("SessionReset", 0, 0, { serviceId: "" }));
    expect(asked(source)).toEqual(keys.map((key) => `close ${key} end`));
    expect(source.openConnections).toBe(0);
  });

  test.each([
    ["P14", message("StreamStart", 5, 1)],
    ["P14", message("ConnectionStart", 1048582, 2)],
    ["P14", message("Unknown", 5)],
    ["P21", message("Data", 0, 1)],
    ["P17", { ...message("Data", 5), type: 9 }],
  ])("fails by %s", (rule, broken) => {
    const { source } = provenSource();
    give(source, broken);
    expect(asked(source)).toEqual([`fail ERR_PROTOCOL ${rule}`]);
  });

  test("skips an unknown type that may be ignored (P17)", () => {
    const { source } = provenSource();
    give(source, { ...message("Data", 5), type: 9, ignorable: true });
    expect(asked(source)).toEqual([]);
  });

  test("lets connections take turns (P63)", () => {
    const { source, first } = provenSource();
    const second = accept(source);
    sent(source);
    source.localData(first, filled(150_000));
    source.localData(second, text("key"));
    expect(sent(source)[1]).toBe("DATA SSH 1048582.2 key");
  });

  test("refuses the connection after the 4,096th (P29)", () => {
    const source = makeSource({ format: 3 });
    for (let count = 0; count < 4_096; count++) accept(source);
    expect(source.localAccepted("SSH", 0)).toBeUndefined();
    expect(asked(source)).toEqual(["refused: too many connections"]);
  });

  test.each([
    ["the tunnel has no more", makeSource(), "VNC"],
    ["nothing is known of yet", freshSource(["SSH"]), "SSH"],
  ])("refuses a connection to a service that %s", (_title, source, service) => {
    expect(source.localAccepted(service, 0)).toBeUndefined();
    expect(asked(source)).toEqual(["refused: the tunnel has no such service now"]);
  });

  test("draws stream ids from the multiples of 101 from 2^20 up to 2^28 - 1 (P21)", () => {
    const idOf = (random: number) => {
      const source = makeSource({ random: () => random });
      accept(source);
      return decodeFrame(source.nextFrame(0) as Uint8Array).streamId;
    };
    expect([idOf(0), idOf(1 - 2 ** -53)]).toEqual([
      101 * Math.ceil(2 ** 20 / 101),
      101 * Math.floor((2 ** 28 - 1) / 101),
    ]);
  });
});

describe("the end of a local connection at the source (P52)", () => {
  test("waits for the linger time, then tells it and closes", () => {
    const { source, first } = provenSource();
    source.localEnded(first, 100);
    expect([sent(source), source.deadline()]).toEqual([[], 100 + LINGER_MS]);
    source.tick(100 + LINGER_MS - 1);
    expect(asked(source)).toEqual([]);
    source.tick(100 + LINGER_MS);
    expect(asked(source)).toEqual([`close ${first.key} end`]);
    expect(sent(source)).toEqual(["CONNECTION_RESET SSH 1048582.1"]);
    expect([source.openConnections, source.deadline()]).toEqual([0, undefined]);
  });

  test("waits longer while bytes come back", () => {
    const { source, first } = provenSource();
    source.localEnded(first, 0);
    give(source, message("Data", 1048582, 1, { payload: text("more") }), 900);
    // It may be looked at too early, never too late.
    expect(source.deadline()).toBeLessThanOrEqual(900 + LINGER_MS);
    source.tick(LINGER_MS);
    expect([asked(source), source.deadline()]).toEqual([["write 1 more"], 900 + LINGER_MS]);
  });

  test("counts only from the last byte sent", () => {
    const { source, first } = provenSource();
    source.localData(first, text("slow"));
    source.localEnded(first, 0);
    source.tick(5_000);
    expect([asked(source), source.deadline()]).toEqual([[], undefined]);
    expect(sent(source, 5_000)).toEqual(["DATA SSH 1048582.1 slow"]);
    source.tick(5_000);
    expect(source.deadline()).toBe(5_000 + LINGER_MS);
  });

  test("counts only from the opening of a connection that had to wait", () => {
    const source = makeSource({ format: 2 });
    const first = accept(source);
    const second = accept(source);
    sent(source);
    give(source, message("Data", 1048582));
    source.localEnded(second, 0);
    source.localClosed(first);
    expect(sent(source, 5_000)).toEqual(["STREAM_RESET SSH 1048582", "STREAM_START SSH 2097164"]);
    source.tick(5_000);
    expect(source.deadline()).toBe(5_000 + LINGER_MS);
  });

  test("is over when the destination closes first", () => {
    const { source, first } = provenSource();
    source.localEnded(first, 0);
    give(source, message("ConnectionReset", 1048582, 1));
    expect([asked(source), source.deadline()]).toEqual([[`close ${first.key} end`], undefined]);
  });

  test("is over at once when the socket goes", () => {
    const { source, first } = provenSource();
    source.localEnded(first, 0);
    source.localClosed(first);
    expect([sent(source), asked(source)]).toEqual([["CONNECTION_RESET SSH 1048582.1"], []]);
    expect(source.openConnections).toBe(0);
  });

  test("takes no more bytes from the application", () => {
    const { source, first } = provenSource();
    source.localEnded(first, 0);
    source.localData(first, text("x"));
    source.localEnded(first, 500);
    expect([sent(source), source.deadline()]).toEqual([[], LINGER_MS]);
  });

  test.each([
    [
      "the linger time",
      (source: Engine, first: Connection) => {
        source.localEnded(first, 0);
        source.tick(LINGER_MS);
      },
    ],
    ["its socket went", (source: Engine, first: Connection) => source.localClosed(first)],
  ])("lets nothing be written after %s, even while the tunnel takes nothing (P55)", (_title, end) => {
    const { source, first } = provenSource();
    end(source, first);
    asked(source);
    give(source, message("Data", 1048582, 1, { payload: text("late") }), 2_000);
    give(source, message("ConnectionReset", 1048582, 1), 2_000);
    expect(asked(source)).toEqual(["dropped: the connection has ended"]);
    expect(source.openConnections).toBe(0);
  });
});
