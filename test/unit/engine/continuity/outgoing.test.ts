import { describe, expect, test } from "bun:test";
import { FIRST_BYTES, Outgoing } from "../../../../src/engine/continuity/outgoing.ts";
import { Pool } from "../../../../src/engine/continuity/pool.ts";

const MANY = 1024 * 1024;

function opened(window = MANY, poolBytes = MANY): Outgoing {
  const outgoing = new Outgoing(new Pool(poolBytes));
  outgoing.open(window);
  return outgoing;
}

function bytes(...content: number[]): Uint8Array {
  return Uint8Array.from(content);
}

function flat(chunks: readonly Uint8Array[] | undefined): number[] | undefined {
  return chunks?.flatMap((chunk) => [...chunk]);
}

describe("what a connection has sent", () => {
  test("is sent again from where the other end stands (P101)", () => {
    const outgoing = opened();
    outgoing.send(bytes(1, 2, 3));
    outgoing.send(bytes(4, 5));
    expect(outgoing.credit(MANY, 2)).toBe(true);
    expect(flat(outgoing.rewind(4))).toEqual([5]);
    expect(outgoing.sent).toBe(4);
  });

  test.each([
    ["less than was acknowledged", 1],
    ["more than was sent", 6],
  ])("does not fit %s", (_name, received) => {
    const outgoing = opened();
    outgoing.send(bytes(1, 2, 3, 4, 5));
    outgoing.credit(MANY, 2);
    expect(outgoing.rewind(received)).toBeUndefined();
  });

  test("can be taken up twice before anything is acknowledged", () => {
    const outgoing = opened();
    outgoing.send(bytes(1, 2, 3));
    outgoing.rewind(3);
    expect(outgoing.isWhole).toBe(true);
    outgoing.send(bytes(4));
    expect(flat(outgoing.rewind(3))).toEqual([4]);
  });

  test("stays within the credit, and within what may be kept (P94, P95)", () => {
    expect(opened(10).allowance).toBe(10);
    const outgoing = opened(MANY, 100);
    expect(outgoing.allowance).toBe(FIRST_BYTES + 100);
    outgoing.send(new Uint8Array(FIRST_BYTES + 100));
    expect(outgoing.allowance).toBe(0);
    outgoing.credit(MANY, 40);
    expect(outgoing.allowance).toBe(40);
  });

  test("takes no credit back", () => {
    const outgoing = opened(100);
    outgoing.credit(50, 0);
    expect(outgoing.allowance).toBe(100);
  });

  test("refuses an acknowledgement of what was never sent", () => {
    const outgoing = opened();
    outgoing.send(bytes(1));
    expect(outgoing.credit(MANY, 2)).toBe(false);
    outgoing.hasEnded = true;
    outgoing.isFinTold = true;
    expect(outgoing.credit(MANY, 2)).toBe(true);
    expect(outgoing.isDone).toBe(true);
  });

  test("says its end of file again, unless it was acknowledged (P96)", () => {
    const outgoing = opened();
    outgoing.send(bytes(1));
    outgoing.hasEnded = true;
    outgoing.isFinTold = true;
    outgoing.rewind(1);
    expect(outgoing.isFinTold).toBe(false);
    outgoing.isFinTold = true;
    outgoing.credit(MANY, 2);
    outgoing.rewind(1);
    expect(outgoing.isFinTold).toBe(true);
  });

  test("is kept before HELLO up to a bound, and after it whole once it was acknowledged (P99)", () => {
    const outgoing = new Outgoing(new Pool(MANY));
    expect(outgoing.allowance).toBe(Number.POSITIVE_INFINITY);
    outgoing.send(new Uint8Array(256 * 1024));
    expect(outgoing.keptBytes).toBe(256 * 1024);
    outgoing.send(bytes(1));
    expect(outgoing.keptBytes).toBe(0);
    outgoing.open(MANY);
    expect(outgoing.isWhole).toBe(false);
    outgoing.credit(MANY, outgoing.sent);
    expect(outgoing.isWhole).toBe(true);
  });

  test("is not kept for a peer that is none of ours, and gives its memory back", () => {
    const pool = new Pool(MANY);
    const outgoing = new Outgoing(pool);
    outgoing.send(new Uint8Array(100_000));
    expect(pool.used).toBe(100_000 - FIRST_BYTES);
    outgoing.forgo();
    expect(pool.used).toBe(0);
    outgoing.send(new Uint8Array(100_000));
    expect(outgoing.keptBytes).toBe(0);
  });

  test("waits for HELLO with little, but not for ever (P92)", () => {
    const outgoing = new Outgoing(new Pool(MANY));
    outgoing.await();
    outgoing.send(new Uint8Array(10_000));
    expect(outgoing.allowance).toBe(FIRST_BYTES - 10_000);
    outgoing.awaitNoMore();
    expect(outgoing.allowance).toBe(Number.POSITIVE_INFINITY);
  });
});
