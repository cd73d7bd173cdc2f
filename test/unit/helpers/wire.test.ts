import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import type { Socket } from "node:net";
import { pause } from "../../helpers/agents.ts";
import { dialLocal, readAll } from "../../helpers/proxies.ts";
import { freePort, startTcpServer } from "../../helpers/servers.ts";
import { waitFor, within } from "../../helpers/wait.ts";
import { Wire } from "../../helpers/wire.ts";

/** Both ends of one connection through a wire, with what has come to each so far. */
async function join() {
  const stack = new AsyncDisposableStack();
  const accepted = Promise.withResolvers<Socket>();
  const server = stack.use(await startTcpServer((socket) => void accepted.resolve(socket)));
  const wire = stack.use(await Wire.to(server.port));
  const client = watch(await dialLocal(wire.port));
  const target = watch(await within("a connection", accepted.promise));
  stack.defer(() => void client.socket.destroy());
  return { wire, client, target, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

interface Watched {
  readonly socket: Socket;
  readonly received: () => string;
  /** How it ended, if it has. */
  readonly fate: () => "end" | "reset" | undefined;
}

function watch(socket: Socket): Watched {
  let received = "";
  let fate: "end" | "reset" | undefined;
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
  });
  socket.on("end", () => {
    fate ??= "end";
  });
  socket.on("error", () => {
    fate ??= "reset";
  });
  return { socket, received: () => received, fate: () => fate };
}

/** Milliseconds until `count` bytes have come. */
async function timeOf(end: Watched, count: number): Promise<number> {
  const startedAt = performance.now();
  await waitFor(`${count} bytes`, () => end.received().length >= count);
  return performance.now() - startedAt;
}

describe("a fair wire", () => {
  test("carries both ways, and each end of file for itself", async () => {
    await using ends = await join();
    ends.client.socket.end("hello");
    await waitFor("the end of file", () => ends.target.fate());
    expect([ends.target.received(), ends.target.fate()]).toEqual(["hello", "end"]);
    expect(ends.client.fate()).toBeUndefined();
    ends.target.socket.end("world");
    await waitFor("the other end of file", () => ends.client.fate());
    expect([ends.client.received(), ends.client.fate()]).toEqual(["world", "end"]);
    expect(ends.wire.accepted).toBe(1);
  });

  test("carries many megabytes unchanged past a reader that dawdles", async () => {
    const sent = Buffer.from(Array.from({ length: 8 * 1024 * 1024 }, (_, index) => (index * 7) % 251));
    await using server = await startTcpServer((socket) => void socket.end(sent));
    await using wire = await Wire.to(server.port);
    const socket = await dialLocal(wire.port);
    socket.pause();
    await waitFor("a full wire", () => wire.accepted === 1);
    expect(Buffer.compare(await readAll(socket), sent)).toBe(0);
  });

  test("hands a reset on", async () => {
    await using ends = await join();
    ends.target.socket.resetAndDestroy();
    await waitFor("the reset", () => ends.client.fate());
    expect(ends.client.fate()).toBe("reset");
  });

  test("to where nobody listens resets whoever comes", async () => {
    await using wire = await Wire.to(await freePort());
    const client = watch(await dialLocal(wire.port));
    await waitFor("the reset", () => client.fate());
    expect(client.fate()).toBe("reset");
  });
});

describe("weather", () => {
  test("latency delays one direction and costs no order", async () => {
    await using ends = await join();
    ends.wire.set({ latencyMs: 150, jitterMs: 40 }, "up");
    for (let i = 0; i < 100; i += 1) ends.client.socket.write(String.fromCharCode(i));
    ends.target.socket.write("quick");
    expect(await timeOf(ends.client, 5)).toBeLessThan(140);
    await timeOf(ends.target, 100);
    expect(ends.target.received()).toBe(String.fromCharCode(...Array.from({ length: 100 }, (_, i) => i)));
  });

  test("latency delays the end of file as well", async () => {
    await using ends = await join();
    ends.wire.set({ latencyMs: 200 }, "up");
    const startedAt = performance.now();
    ends.client.socket.end("x");
    await waitFor("the end of file", () => ends.target.fate());
    expect(performance.now() - startedAt).toBeGreaterThan(180);
    expect(ends.target.received()).toBe("x");
  });

  test("a throttle lets so many bytes a second through, and the writer feels it", async () => {
    await using ends = await join();
    ends.wire.set({ bytesPerSecond: 100_000 }, "down");
    ends.target.socket.write(Buffer.alloc(50_000));
    const ms = await timeOf(ends.client, 50_000);
    expect(ms).toBeGreaterThan(400);
    expect(ms).toBeLessThan(2_000);
    const isTaken = ends.target.socket.write(Buffer.alloc(32 * 1024 * 1024));
    expect(isTaken).toBe(false);
    ends.wire.clear();
    await once(ends.target.socket, "drain");
  });

  test.each(["reset", "end"] as const)("a cut by %s lets exactly so many bytes through", async (by) => {
    await using ends = await join();
    ends.wire.set({ cut: { atByte: 7, by } }, "up");
    ends.client.socket.write("abc");
    await waitFor("what came before", () => ends.target.received() === "abc");
    expect(ends.target.fate()).toBeUndefined();
    ends.client.socket.write("defghij");
    for (const end of [ends.client, ends.target]) {
      await waitFor("the cut", () => end.fate());
      expect(end.fate()).toBe(by);
    }
    if (by === "end") expect(ends.target.received()).toBe("abcdefg");
    else expect("abcdefg").toStartWith(ends.target.received());
  });

  test("a cut at a byte that was carried already comes with the next one", async () => {
    await using ends = await join();
    ends.client.socket.write("abcdef");
    await timeOf(ends.target, 6);
    ends.wire.set({ cut: { atByte: 3, by: "end" } }, "up");
    ends.client.socket.write("g");
    await waitFor("the cut", () => ends.target.fate());
    expect(ends.target.received()).toBe("abcdef");
  });

  test("a hole keeps connections and swallows, and what was sent comes once it is mended", async () => {
    await using ends = await join();
    ends.wire.set({ isHole: true });
    ends.client.socket.write("kept");
    const late = watch(await dialLocal(ends.wire.port));
    late.socket.write("also kept");
    await pause(100);
    ends.wire.set({ isHole: false }, "down");
    ends.target.socket.write("one way");
    await waitFor("the other direction", () => ends.client.received() === "one way");
    expect([ends.target.received(), ends.client.fate(), late.fate()]).toEqual(["", undefined, undefined]);
    ends.wire.clear();
    await waitFor("what was sent", () => ends.target.received() === "kept");
    late.socket.destroy();
  });

  test("lost ends leave the other side in the belief that its peer is there", async () => {
    await using ends = await join();
    ends.wire.set({ losesEnds: true }, "up");
    ends.client.socket.resetAndDestroy();
    ends.target.socket.write("are you there?");
    const late = watch(await dialLocal(ends.wire.port));
    late.socket.end("bye");
    await waitFor("the second connection", () => ends.wire.accepted === 2);
    ends.target.socket.write("?");
    await pause(100);
    expect([ends.target.fate(), ends.target.socket.destroyed]).toEqual([undefined, false]);
    late.socket.destroy();
  });
});

describe("a connection", () => {
  test("that is frozen stays lost after the thaw, while new ones work", async () => {
    await using ends = await join();
    ends.wire.freeze();
    ends.client.socket.write("lost");
    const early = watch(await dialLocal(ends.wire.port));
    early.socket.write("lost too");
    ends.wire.thaw();
    const late = watch(await dialLocal(ends.wire.port));
    late.socket.end();
    await waitFor("the third connection", () => ends.wire.accepted === 3);
    await pause(100);
    expect([ends.target.received(), ends.target.fate(), early.fate()]).toEqual(["", undefined, undefined]);
    early.socket.destroy();
    late.socket.destroy();
  });

  test("is reset at both ends by a cut", async () => {
    await using ends = await join();
    ends.wire.cut();
    for (const end of [ends.client, ends.target]) {
      await waitFor("the cut", () => end.fate());
      expect(end.fate()).toBe("reset");
    }
  });

  test.each(["client", "target"] as const)("whose %s vanished is open at its other end", async (who) => {
    await using ends = await join();
    const other = who === "client" ? "target" : "client";
    ends.wire.vanish(who);
    await waitFor("the end of one side", () => ends[who].fate());
    ends[other].socket.write("hello?");
    await pause(100);
    expect([ends[other].fate(), ends[other].socket.destroyed]).toEqual([undefined, false]);
  });
});
