import { expect, test } from "bun:test";
import { FairQueue } from "../../../src/engine/fair-queue.ts";
import { Pressure } from "../../../src/engine/pressure.ts";

const MIB = 1024 * 1024;
const BLOCKED = { key: 1, serviceId: "A" };
const FREE = { key: 2, serviceId: "A" };

function queueOf(blockedBytes: number, freeBytes: number): FairQueue {
  const queue = new FairQueue();
  if (blockedBytes > 0) queue.push(BLOCKED.key, { type: "data", bytes: new Uint8Array(blockedBytes) });
  if (freeBytes > 0) queue.push(FREE.key, { type: "data", bytes: new Uint8Array(freeBytes) });
  return queue;
}

function pressureOf(queue: FairQueue): Pressure {
  return new Pressure(queue, {
    get blockedBacklog() {
      return queue.bytesOf(BLOCKED.key);
    },
    allowanceOf: (key) => (key === BLOCKED.key ? 0 : 1),
  });
}

test("without credit it is what the queue has", () => {
  const queue = queueOf(1_000, 2_000);
  const pressure = new Pressure(queue, undefined);
  expect(pressure.backlog).toBe(queue.totalBytes);
  expect(pressure.backlogOf(BLOCKED)).toBe(queue.bytesOf(BLOCKED.key));
});

test("what waits for credit is backlog of its own connection, without limit, and not of them all", () => {
  const queue = queueOf(1_000, 2_000);
  const pressure = pressureOf(queue);
  expect(pressure.backlog).toBe(queue.bytesOf(FREE.key));
  expect(pressure.backlogOf(BLOCKED)).toBe(Number.POSITIVE_INFINITY);
  expect(pressure.backlogOf(FREE)).toBe(queue.bytesOf(FREE.key));
});

test("a connection without credit and with nothing to send has no backlog", () => {
  expect(pressureOf(queueOf(0, 2_000)).backlogOf(BLOCKED)).toBe(0);
});

test("of what waits for credit, 16 MiB at the most are not counted", () => {
  const queue = queueOf(20 * MIB, 0);
  expect(pressureOf(queue).backlog).toBe(queue.totalBytes - 16 * MIB);
});
