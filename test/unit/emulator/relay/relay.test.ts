import { describe, expect, test } from "bun:test";
import { Relay, type RelayOutput, type Side } from "../../../../src/emulator/relay/relay.ts";
import { decodeFrame, encodeFrame, type Message, makeMessage } from "../../../../src/protocol/message.ts";
import { lineOf, message, text } from "../../engine/harness.ts";
import { hex } from "../../protocol/oracle.ts";

/** A relay with both sides connected, of a tunnel with these services (by default SSH and VNC). */
function connected(services: readonly string[] = ["SSH", "VNC"]): Relay {
  const relay = new Relay();
  relay.join("source", services, true);
  relay.join("destination", services, true);
  relay.drain();
  return relay;
}

/** The same with stream 7 of SSH active. */
function streaming(services?: readonly string[]): Relay {
  const relay = connected(services);
  give(relay, "source", message("StreamStart", 7, 1));
  relay.drain();
  return relay;
}

function give(relay: Relay, side: Side, ...messages: readonly Message[]): void {
  for (const one of messages) relay.receive(side, encodeFrame(one));
}

/** Everything the relay does now: `to destination: DATA SSH 7.1 x`, `drop from source: stale stream`. */
function done(relay: Relay): string[] {
  return relay.drain().map(lineOfOutput);
}

function lineOfOutput(output: RelayOutput): string {
  switch (output.type) {
    case "send":
      return `to ${output.to}: ${lineOf(decodeFrame(output.bytes))}`;
    case "close":
      return `close ${output.side}: ${"rule" in output.error ? output.error.rule : output.error.code}`;
    case "dropped":
      return `drop from ${output.from}: ${output.why}`;
  }
}

describe("a side that joins", () => {
  test.each([
    ["two services", ["SSH", "VNC"], "SERVICE_IDS SSH,VNC"],
    ["no services", [], "SERVICE_IDS "],
  ])("gets SERVICE_IDS first: %s (P30)", (_title, services, expected) => {
    const relay = new Relay();
    relay.join("source", services, true);
    expect(done(relay)).toEqual([`to source: ${expected}`]);
  });

  test("with subprotocol 1.0 gets none (P30)", () => {
    const relay = new Relay();
    relay.join("source", ["SSH"], false);
    expect(done(relay)).toEqual([]);
  });

  test("in place of another: the other side hears the end of its streams before anything of the newcomer (P72)", () => {
    const relay = streaming();
    give(relay, "source", message("StreamStart", 8, 0, { serviceId: "VNC" }));
    relay.drain();
    relay.join("source", ["SSH", "VNC"], true);
    give(relay, "source", message("StreamStart", 9, 1));
    expect(done(relay)).toEqual([
      "to destination: STREAM_RESET SSH 7.1",
      "to destination: STREAM_RESET VNC 8",
      "to source: SERVICE_IDS SSH,VNC",
      "to destination: STREAM_START SSH 9.1",
    ]);
  });

  test("begins a byte sequence of its own (P11)", () => {
    const relay = streaming();
    relay.receive("source", encodeFrame(message("Data", 7, 1)).subarray(0, 3));
    relay.join("source", ["SSH", "VNC"], true);
    relay.drain();
    give(relay, "source", message("StreamStart", 9, 1));
    expect(done(relay)).toEqual(["to destination: STREAM_START SSH 9.1"]);
  });
});

describe("a side that leaves", () => {
  test.each([
    ["format 3", message("StreamStart", 7, 4), "STREAM_RESET SSH 7.4"],
    ["format 2", message("StreamStart", 7), "STREAM_RESET SSH 7"],
    ["format 1", message("StreamStart", 7, 0, { serviceId: "" }), "STREAM_RESET - 7"],
  ])("has its streams reset in the form of their start: %s (P71)", (_title, start, reset) => {
    const relay = connected(["SSH"]);
    give(relay, "source", start);
    relay.drain();
    relay.leave("destination");
    expect(done(relay)).toEqual([`to source: ${reset}`]);
    relay.leave("destination");
    relay.leave("source");
    expect(done(relay)).toEqual([]);
  });

  test("leaves no streams behind", () => {
    const relay = streaming();
    relay.leave("destination");
    relay.join("destination", ["SSH", "VNC"], true);
    relay.drain();
    give(
      relay,
      "source",
      message("Data", 7, 1),
      message("ConnectionReset", 7, 1),
      message("ConnectionStart", 7, 2),
    );
    expect(done(relay)).toEqual([
      "drop from source: no such stream",
      "drop from source: no such stream",
      "drop from source: no such stream",
      "to source: STREAM_RESET SSH 7.2",
    ]);
  });

  test("is not heard any more", () => {
    const relay = streaming();
    relay.leave("source");
    relay.drain();
    give(relay, "source", message("StreamStart", 8, 1));
    expect(done(relay)).toEqual([]);
  });
});

describe("a message", () => {
  test("goes on byte for byte, however its fields are written (P70)", () => {
    const relay = streaming();
    // Payload before the ids, a length in two bytes where one would do, and a field twice.
    const body = [
      0x22, 0x81, 0x00, 0x78, 0x08, 1, 0x10, 9, 0x10, 7, 0x2a, 3, 0x53, 0x53, 0x48, 0x38, 1, 0x18, 1,
    ];
    const frame = Uint8Array.of(0, body.length, ...body);
    relay.receive("source", frame);
    const [output] = relay.drain();
    expect(output?.type === "send" && hex(output.bytes)).toBe(hex(frame));
  });

  test("goes on alone, from a WebSocket frame with several, and whole, from one with a part (P70)", () => {
    const relay = streaming();
    const frames = [text("one"), text("two"), text("three")].map((payload) =>
      encodeFrame(message("Data", 7, 1, { payload })),
    );
    const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]));
    relay.receive("source", bytes.subarray(0, bytes.length - 4));
    expect(done(relay)).toEqual(["to destination: DATA SSH 7.1 one", "to destination: DATA SSH 7.1 two"]);
    relay.receive("source", bytes.subarray(bytes.length - 4));
    expect(done(relay)).toEqual(["to destination: DATA SSH 7.1 three"]);
  });

  test("goes either way", () => {
    const relay = streaming();
    give(
      relay,
      "destination",
      message("Data", 7, 1, { payload: text("up") }),
      message("ConnectionReset", 7, 1),
    );
    expect(done(relay)).toEqual(["to source: DATA SSH 7.1 up", "to source: CONNECTION_RESET SSH 7.1"]);
  });

  test.each([["source"], ["destination"]] as const)(
    "that ends a stream, from the %s, makes the rest stale",
    (side) => {
      const relay = streaming();
      give(relay, side, message("StreamReset", 7), message("StreamReset", 7), message("Data", 7, 1));
      const other = side === "source" ? "destination" : "source";
      expect(done(relay)).toEqual([
        `to ${other}: STREAM_RESET SSH 7`,
        `drop from ${side}: no such stream`,
        `drop from ${side}: no such stream`,
      ]);
    },
  );

  test("of another stream than the active one is dropped (P23)", () => {
    const relay = streaming();
    give(
      relay,
      "destination",
      message("Data", 6, 1),
      message("StreamReset", 6),
      message("ConnectionReset", 6, 1),
    );
    expect(done(relay)).toEqual(Array(3).fill("drop from destination: stale stream"));
  });

  test("may leave the only service out (P41)", () => {
    const relay = streaming(["SSH"]);
    give(relay, "destination", message("Data", 7, 1, { serviceId: "", payload: text("v1") }));
    expect(done(relay)).toEqual(["to source: DATA - 7.1 v1"]);
  });

  test("goes through a tunnel without services (P41)", () => {
    const relay = connected([]);
    give(relay, "source", message("StreamStart", 7, 1, { serviceId: "" }));
    expect(done(relay)).toEqual(["to destination: STREAM_START - 7.1"]);
  });

  test("of an unknown type that may be ignored goes on (P17)", () => {
    const relay = connected();
    give(relay, "source", { ...message("Data", 0), type: 9, ignorable: true });
    expect(relay.drain().map((output) => output.type)).toEqual(["send"]);
  });
});

describe("a stream started while no destination is connected (P74)", () => {
  test.each([
    ["format 3", message("StreamStart", 7, 1), "STREAM_RESET SSH 7.1"],
    ["format 1", message("StreamStart", 7, 0, { serviceId: "" }), "STREAM_RESET - 7"],
  ])("is reset in the form of its start: %s (P71)", (_title, start, reset) => {
    const relay = new Relay();
    relay.join("source", ["SSH"], true);
    relay.drain();
    give(relay, "source", start, { ...message("Data", 7, start.connectionId), serviceId: start.serviceId });
    expect(done(relay)).toEqual([
      "drop from source: no destination is connected",
      `to source: ${reset}`,
      "drop from source: no such stream",
    ]);
  });
});

describe("data of a stream that this WebSocket never had (P33)", () => {
  test.each([["source"], ["destination"]] as const)(
    "is dropped, and its end told once for each stream: the %s",
    (side) => {
      const relay = connected();
      const old = message("Data", 7, 4, { payload: text("old") });
      give(relay, side, old, old, message("ConnectionReset", 7, 4), message("Data", 8), old);
      expect(done(relay)).toEqual([
        `drop from ${side}: no such stream`,
        `to ${side}: STREAM_RESET SSH 7.4`,
        `drop from ${side}: no such stream`,
        `drop from ${side}: no such stream`,
        `drop from ${side}: no such stream`,
        `to ${side}: STREAM_RESET SSH 8`,
        `drop from ${side}: no such stream`,
        `to ${side}: STREAM_RESET SSH 7.4`,
      ]);
    },
  );

  test.each([["source"], ["destination"]] as const)("also when only the %s has come back", (side) => {
    const relay = streaming();
    relay.join(side, ["SSH", "VNC"], true);
    relay.drain();
    give(relay, side, message("Data", 7, 1), message("Data", 7, 1));
    expect(done(relay)).toEqual([
      `drop from ${side}: no such stream`,
      `to ${side}: STREAM_RESET SSH 7.1`,
      `drop from ${side}: no such stream`,
    ]);
  });

  test("hinders no stream that is started after it", () => {
    const relay = connected();
    give(relay, "source", message("Data", 7, 1), message("StreamStart", 9, 1), message("Data", 9, 1));
    expect(done(relay).slice(2)).toEqual([
      "to destination: STREAM_START SSH 9.1",
      "to destination: DATA SSH 9.1",
    ]);
  });

  test("ends the WebSocket when 10,000 in a row led nowhere, and not for as many with others between", () => {
    const relay = streaming();
    const stray = encodeFrame(message("Data", 7, 1, { serviceId: "VNC" }));
    for (let round = 0; round < 3; round += 1) {
      for (let count = 0; count < 10_000; count += 1) relay.receive("source", stray);
      expect(relay.drain().some(({ type }) => type === "close")).toBe(false);
      give(relay, "source", message("Data", 7, 1));
      relay.drain();
    }
    for (let count = 0; count < 10_000; count += 1) relay.receive("source", stray);
    relay.drain();
    relay.receive("source", stray);
    expect(done(relay)).toEqual(["close source: P33"]);
  });
});

describe("a side that breaks a rule is closed", () => {
  const rows: readonly (readonly [rule: string, title: string, side: Side, message: Message])[] = [
    ["P14", "a destination that starts a stream", "destination", message("StreamStart", 8, 1)],
    ["P14", "a destination that starts a connection", "destination", message("ConnectionStart", 7, 2)],
    ["P14", "a source that names services", "source", makeMessage({ type: 5 })],
    ["P14", "a source that resets the session", "source", makeMessage({ type: 4 })],
    ["P14", "a message without type", "source", makeMessage({ type: 0, streamId: 7 })],
    ["P17", "an unknown type", "source", makeMessage({ type: 8, streamId: 7 })],
    ["P21", "a start without stream id", "source", message("StreamStart", 0, 1)],
    [
      "P32",
      "a service the tunnel does not have",
      "source",
      message("StreamStart", 8, 1, { serviceId: "FTP" }),
    ],
    ["P41", "no service id where there are two", "source", message("Data", 7, 1, { serviceId: "" })],
  ];
  test.each(rows)("by %s: %s", (rule, _title, side, broken) => {
    const relay = streaming();
    give(relay, side, broken);
    expect(done(relay)).toEqual([`close ${side}: ${rule}`]);
  });

  test.each([
    ["P11", "a length of zero", [0, 0]],
    ["P12", "bytes that are no message", [0, 1, 0xff]],
    ["P12", "a field of its own", [0, 4, 8, 1, 0x40, 1]],
  ])("by %s: %s", (rule, _title, bytes) => {
    const relay = streaming();
    relay.receive("destination", Uint8Array.from(bytes));
    expect(done(relay)).toEqual([`close destination: ${rule}`]);
  });

  test("and what came before the broken message has gone on", () => {
    const relay = streaming();
    const good = encodeFrame(message("Data", 7, 1, { payload: text("ok") }));
    relay.receive("source", Uint8Array.of(...good, 0, 1, 0xff, ...good));
    expect(done(relay)).toEqual(["to destination: DATA SSH 7.1 ok", "close source: P12"]);
  });
});
