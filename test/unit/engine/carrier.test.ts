import { describe, expect, test } from "bun:test";
import { Carrier } from "../../../src/engine/carrier.ts";
import type { CarrierOptions } from "../../../src/engine/carrier-options.ts";
import type { Connection, Output } from "../../../src/engine/output.ts";
import { decodeFrame, encodeFrame, type Message } from "../../../src/protocol/message.ts";
import { filled, lineOf, message, serviceIds } from "./harness.ts";

const LIMITS = { connectionBytes: 2_000, totalBytes: 5_000, socketBytes: 1_000, heldBytes: 8_000 };
const OPTIONS: CarrierOptions = {
  side: "source",
  entries: (services) => services,
  format: 3,
  hasServiceIds: true,
  lingerMs: 1_000,
  stallTimeoutMs: 10_000,
  keepaliveMs: 20_000,
  limits: LIMITS,
  random: () => 0,
};

/** A carrier with everything it wanted so far, as lines; pings are left out. */
class Driven {
  readonly carrier: Carrier;
  now = 0;
  bufferedBytes = 0;

  constructor(options: Partial<CarrierOptions> = {}) {
    this.carrier = new Carrier({ ...OPTIONS, ...options }, 0);
  }

  take(): string[] {
    const lines: string[] = [];
    for (;;) {
      const output = this.carrier.poll(this.now, this.bufferedBytes);
      if (output === undefined) return lines;
      if (output.type !== "ping") lines.push(lineOfOutput(output));
    }
  }

  give(one: Message): void {
    this.carrier.tunnelBytes(encodeFrame(one), this.now);
  }

  at(now: number): this {
    this.now = now;
    this.carrier.tick(now);
    return this;
  }
}

function lineOfOutput(output: Output): string {
  switch (output.type) {
    case "frame":
      return lineOf(decodeFrame(output.bytes));
    case "pause":
    case "resume":
      return `${output.type} ${output.connection?.key ?? "tunnel"}`;
    case "write":
      return `write ${output.connection.key} ${output.bytes.length}`;
    case "close":
      return `close ${output.connection.key} ${output.how}`;
    case "ended":
      return `ended ${output.end.type}`;
    case "event":
      return `event ${output.event.type}`;
    case "connect":
    case "finish":
    case "adopt":
    case "abandon":
      return `${output.type} ${output.connection.key}`;
    case "ping":
    case "ready":
      return output.type;
  }
}

function source(connections = 1): { driven: Driven; all: Connection[] } {
  const driven = new Driven();
  driven.give(serviceIds(["SSH"]));
  const all = Array.from({ length: connections }, () => driven.carrier.localAccepted("SSH", 0) as Connection);
  driven.take();
  return { driven, all };
}

describe("a service that says nothing (P30)", () => {
  test("is told of after 4 s and left after 15", () => {
    const driven = new Driven();
    expect(driven.take()).toEqual([]);
    expect(driven.carrier.deadline()).toBe(4_000);
    expect(driven.at(4_000).take()).toEqual(["event unready"]);
    expect(driven.at(14_999).take()).toEqual([]);
    expect(driven.at(15_000).take()).toEqual(["ended failed"]);
  });
});

test("a connection to a service that the tunnel does not have now is refused, and told of", () => {
  const { driven } = source();
  expect(driven.carrier.localAccepted("VNC", 0)).toBeUndefined();
  expect(driven.take()).toEqual(["event refused"]);
});

test("a service that pings us is alive, though it does not read what we send (P61)", () => {
  const { driven, all } = source();
  driven.carrier.tunnelPong(1, 0);
  driven.bufferedBytes = LIMITS.socketBytes;
  driven.carrier.localData(all[0] as Connection, filled(100), 0);
  for (let now = 0; now <= 600_000; now += 30_000) {
    expect(driven.at(now).take()).not.toContain("ended failed");
    driven.carrier.tunnelPong(undefined, now);
  }
  expect(driven.at(780_000 - 1).take()).toEqual([]);
  expect(driven.at(780_000).take()).toContain("ended failed");
});

describe("an application that sends more than the tunnel takes", () => {
  test("is not read while its backlog is long, and is again when half of it is gone", () => {
    const { driven, all } = source();
    driven.bufferedBytes = LIMITS.socketBytes;
    driven.carrier.localData(all[0] as Connection, filled(2_100), 0);
    expect(driven.take()).toEqual(["pause 1"]);
    driven.bufferedBytes = 0;
    expect(driven.take()).toEqual(["DATA SSH 1048582.1 2100 bytes", "resume 1"]);
  });

  test("stops the reading of every other, and not only on its own next chunk, once all have too much", () => {
    const { driven, all } = source(3);
    driven.bufferedBytes = LIMITS.socketBytes;
    for (const connection of all) driven.carrier.localData(connection, filled(1_700), 0);
    expect(driven.take()).toEqual(["pause 1", "pause 2", "pause 3"]);
  });
});

describe("connections that wait for an older peer's only one (P44)", () => {
  function olderPeer(waiting: number): { driven: Driven; active: Connection; waiters: Connection[] } {
    const driven = new Driven({ format: 2 });
    driven.give(serviceIds(["SSH"]));
    const open = () => driven.carrier.localAccepted("SSH", 0) as Connection;
    const active = open();
    driven.take();
    return { driven, active, waiters: Array.from({ length: waiting }, open) };
  }

  test("do not hold it up, are stopped early themselves, and give all once it is their turn", () => {
    const { driven, active, waiters } = olderPeer(4);
    for (const waiter of waiters) driven.carrier.localData(waiter, filled(1_900), 0);
    expect(driven.take()).toEqual(["pause 2", "pause 3", "pause 4", "pause 5"]);
    driven.carrier.localData(active, filled(1_000), 0);
    expect(driven.take()).toEqual(["DATA SSH 1048582 1000 bytes"]);
    driven.carrier.localClosed(active);
    expect(driven.take()).toEqual([
      "STREAM_RESET SSH 1048582",
      "STREAM_START SSH 1048582",
      "DATA SSH 1048582 1900 bytes",
      "resume 2",
    ]);
  });
});

describe("a stop", () => {
  test("sends what was read, tells the end, and ends with the last byte", () => {
    const { driven, all } = source();
    driven.carrier.localData(all[0] as Connection, filled(10), 0);
    driven.carrier.stop(0);
    expect(driven.take()).toEqual([
      "close 1 end",
      "DATA SSH 1048582.1 xxxxxxxxxx",
      "CONNECTION_RESET SSH 1048582.1",
      "ended stopped",
    ]);
  });

  test("waits a second for a tunnel that takes nothing, and for applications that ignore their end", () => {
    const { driven } = source();
    driven.bufferedBytes = LIMITS.socketBytes;
    driven.carrier.stop(0);
    expect(driven.take()).toEqual(["close 1 end"]);
    expect(driven.at(999).take()).toEqual([]);
    expect(driven.at(1_000).take()).toEqual(["abandon 1", "ended stopped"]);
    expect(driven.carrier.localAccepted("SSH", 1_000)).toBeUndefined();
  });
});

describe("the end of the WebSocket", () => {
  test("ends what lives by RST, and lets go of nothing else", () => {
    const { driven, all } = source(2);
    driven.give(message("Data", 1048582, 1, { payload: filled(10) }));
    driven.give(message("ConnectionReset", 1048582, 1));
    driven.take();
    driven.carrier.tunnelClosed(1006, "", undefined, 0);
    expect(driven.take()).toEqual(["close 2 reset", "ended closed"]);
    driven.carrier.localRoom(all[0] as Connection, 0, 0);
    expect(driven.at(30_000).take()).toEqual(["abandon 1"]);
    expect(driven.carrier.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a socket whose connection has ended", () => {
  /** Connection 1 has ended with more unread than is kept; connection 2 is the only open one. */
  function endedAndFull(): Driven {
    const { driven } = source(2);
    driven.give(message("Data", 1048582, 1, { payload: filled(LIMITS.heldBytes) }));
    driven.give(message("ConnectionReset", 1048582, 1));
    driven.take();
    return driven;
  }

  test.each([
    ["takes nothing", 0],
    ["takes a byte now and then", 1],
  ])(
    "and that %s holds up the only open connection for the stall time and no longer (P62)",
    (_title, step) => {
      const driven = endedAndFull();
      const told: string[] = [];
      let unread = LIMITS.heldBytes;
      let now = 0;
      for (; now < 30_000 && !told.includes("abandon 1"); now += 1_000) {
        unread -= step;
        if (step > 0) driven.carrier.localRoom({ key: 1, serviceId: "SSH" }, unread, now);
        told.push(...driven.at(now).take());
      }
      expect(told).toContain("abandon 1");
      expect(now).toBeLessThanOrEqual(14_000);
    },
  );
});

describe("connections that are over", () => {
  test("count until their sockets are gone (P29)", () => {
    const driven = new Driven({ side: "destination", maxConnections: 2 });
    driven.give(serviceIds(["SSH"]));
    for (const id of [1, 2, 3]) {
      driven.give(message(id === 1 ? "StreamStart" : "ConnectionStart", 7, id));
      driven.give(message("ConnectionReset", 7, id));
    }
    expect(driven.take()).toEqual([
      "ready",
      "connect 1",
      "close 1 end",
      "connect 2",
      "close 2 end",
      "event dropped",
      "CONNECTION_RESET SSH 7.3",
    ]);
    driven.carrier.localClosed({ key: 1, serviceId: "SSH" });
    driven.give(message("ConnectionStart", 7, 4));
    expect(driven.take()).toEqual(["connect 3"]);
  });
});

test("what waits keeps no frame that is much larger than itself", () => {
  const { driven } = source();
  const frame = encodeFrame(message("Data", 1048582, 1, { payload: filled(10) }));
  const large = new Uint8Array(50_000);
  large.set(frame);
  const views: number[] = [];
  for (let count = 0; count < 2; count++) {
    driven.carrier.tunnelBytes(large.subarray(0, frame.length), 0);
    for (let output = driven.carrier.poll(0, 0); output !== undefined; output = driven.carrier.poll(0, 0)) {
      if (output.type === "write") views.push(output.bytes.buffer.byteLength);
    }
  }
  expect(views).toEqual([50_000, 10]);
});
