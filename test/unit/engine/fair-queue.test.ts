import { describe, expect, test } from "bun:test";
import { FairQueue, type Item } from "../../../src/engine/fair-queue.ts";
import { makeMessage } from "../../../src/protocol/message.ts";
import { filled } from "./harness.ts";

const START: Item = { type: "start" };
const RESET: Item = { type: "reset" };
const data = (length: number): Item => ({ type: "data", bytes: filled(length) });

function takeAll(
  queue: FairQueue,
  maxBytes = 100,
  mayTake: (key: number, item: Item) => boolean = () => true,
): string[] {
  const lines: string[] = [];
  for (
    let taken = queue.take(maxBytes, mayTake);
    taken !== undefined;
    taken = queue.take(maxBytes, mayTake)
  ) {
    const { key, item } = taken;
    lines.push(`${key} ${item.type === "data" ? item.bytes.length : item.type}`);
  }
  return lines;
}

describe("FairQueue (P63)", () => {
  test("keeps the order within a connection", () => {
    const queue = new FairQueue();
    for (const item of [START, data(5), data(7), RESET]) queue.push(1, item);
    expect(takeAll(queue)).toEqual(["1 start", "1 5", "1 7", "1 reset"]);
  });

  test("lets connections take turns message by message", () => {
    const queue = new FairQueue();
    queue.push(1, data(250));
    queue.push(2, data(1));
    queue.push(3, data(101));
    expect(takeAll(queue)).toEqual(["1 100", "2 1", "3 100", "1 100", "3 1", "1 50"]);
  });

  test("puts a newcomer at the end of the line", () => {
    const queue = new FairQueue();
    queue.push(1, data(300));
    queue.take(100, () => true);
    queue.push(2, data(1));
    expect(takeAll(queue)).toEqual(["1 100", "2 1", "1 100"]);
  });

  test("cuts data without copying it", () => {
    const queue = new FairQueue();
    const bytes = Uint8Array.of(1, 2, 3, 4, 5);
    queue.push(1, { type: "data", bytes });
    const pieces = [queue.take(2, () => true), queue.take(2, () => true), queue.take(2, () => true)];
    const cut = pieces.map((piece) => (piece?.item.type === "data" ? piece.item.bytes : new Uint8Array()));
    expect(cut.map((piece) => [...piece])).toEqual([[1, 2], [3, 4], [5]]);
    expect(cut.every((piece) => piece.buffer === bytes.buffer)).toBe(true);
  });

  test("passes over connections that may not send, and keeps what they have", () => {
    const queue = new FairQueue();
    queue.push(1, data(1));
    queue.push(2, data(2));
    expect(takeAll(queue, 100, (key) => key !== 1)).toEqual(["2 2"]);
    expect(takeAll(queue)).toEqual(["1 1"]);
  });

  test("asks about the first item of a connection alone", () => {
    const queue = new FairQueue();
    queue.push(1, START);
    queue.push(1, data(1));
    expect(takeAll(queue, 100, (_key, item) => item.type !== "start")).toEqual([]);
  });

  test("puts an item before the others of its connection", () => {
    const queue = new FairQueue();
    queue.push(1, data(1));
    queue.pushFront(1, START);
    queue.pushFront(2, START);
    expect(takeAll(queue)).toEqual(["1 start", "2 start", "1 1"]);
  });

  test("counts bytes and 64 for each item, and nothing when all is taken", () => {
    const queue = new FairQueue();
    queue.push(1, data(250));
    queue.push(1, RESET);
    queue.push(2, START);
    expect([queue.bytesOf(1), queue.bytesOf(2), queue.bytesOf(3), queue.totalBytes]).toEqual([
      378, 64, 0, 442,
    ]);
    queue.take(100, () => true);
    expect([queue.bytesOf(1), queue.totalBytes]).toEqual([278, 342]);
    takeAll(queue);
    expect([queue.bytesOf(1), queue.bytesOf(2), queue.totalBytes]).toEqual([0, 0, 0]);
  });

  test("forgets what a connection still had", () => {
    const queue = new FairQueue();
    queue.push(1, data(250));
    queue.push(2, data(1));
    queue.drop(1);
    queue.drop(9);
    expect(queue.totalBytes).toBe(65);
    expect(takeAll(queue)).toEqual(["2 1"]);
  });

  test("knows who waits to be opened, and what of the whole is theirs", () => {
    const queue = new FairQueue();
    queue.push(1, START);
    queue.push(1, data(100));
    queue.push(2, data(10));
    const facts = () => [queue.isWaiting(1), queue.isWaiting(2), queue.waitingBytes, queue.totalBytes];
    expect(facts()).toEqual([true, false, 228, 302]);
    queue.take(50, () => true);
    expect(facts()).toEqual([false, false, 0, 238]);
    queue.pushFront(1, START);
    expect(facts()).toEqual([true, false, 228, 302]);
    queue.drop(1);
    expect(facts()).toEqual([false, false, 0, 74]);
  });

  test("counts the service id of an answer (P66)", () => {
    const queue = new FairQueue();
    queue.push(0, { type: "message", message: makeMessage({ type: 3, serviceId: "x".repeat(1_000) }) });
    expect(queue.bytesOf(0)).toBe(1_064);
    takeAll(queue);
    expect(queue.totalBytes).toBe(0);
  });

  test("the rest of a chunk that has to wait does not keep the whole chunk", () => {
    const queue = new FairQueue();
    queue.push(1, { type: "data", bytes: Buffer.from(new ArrayBuffer(1_000)) });
    queue.take(900, () => true);
    expect(queue.dataOf(1)[0]?.buffer.byteLength).toBe(1_000);
    queue.take(900, () => false);
    expect(queue.dataOf(1)[0]?.buffer.byteLength).toBe(100);
  });
});
