import { describe, expect, test } from "bun:test";
import { Pool } from "../../../../src/engine/continuity/pool.ts";

describe("a pool (P95)", () => {
  test("gives what is wanted while there is plenty", () => {
    const pool = new Pool(1_000);
    pool.join();
    expect(pool.share(0, 400, 0)).toBe(400);
    expect(pool.left).toBe(600);
  });

  test("gives nobody more than an equal part once an eighth is left", () => {
    const pool = new Pool(1_000);
    for (let members = 0; members < 4; members++) pool.join();
    expect(pool.share(0, 700, 0)).toBe(700);
    expect(pool.share(0, 290, 0)).toBe(250);
    expect(pool.share(700, 700, 0)).toBe(250);
  });

  test("takes nothing back that cannot be given", () => {
    const pool = new Pool(1_000);
    for (let members = 0; members < 4; members++) pool.join();
    expect(pool.share(0, 900, 0)).toBe(250);
    expect(pool.share(250, 900, 600)).toBe(600);
  });

  test("has everything again when its members have gone", () => {
    const pool = new Pool(1_000);
    pool.join();
    pool.leave(pool.set(0, 300));
    expect(pool.used).toBe(0);
  });
});
