import { describe, expect, test } from "bun:test";
import { SessionTable, sessionIdOf } from "../../../src/agent/session-table.ts";
import { AccessToken } from "../../../src/base/secret.ts";
import { MAX_TUNNEL_LIFE_MS } from "../../../src/protocol/constants.ts";

function tableOf(max: number, ...connected: readonly (readonly [id: string, isConnected: boolean])[]) {
  const table = new SessionTable(max);
  for (const [id, isConnected] of connected) {
    table.admit(id, 0);
    table.setConnected(id, isConnected);
  }
  return table;
}

describe("a session table", () => {
  test("starts a session for a new token beside the others (P82)", () => {
    const table = tableOf(3, ["a", true], ["b", false]);
    expect(table.admit("c", 0)).toEqual({ type: "start", evict: undefined });
    expect(["a", "b", "c"].map((id) => table.admit(id, 0).type)).toEqual(["known", "known", "known"]);
  });

  test("knows the tokens of running sessions, without a time limit", () => {
    const table = tableOf(3, ["a", true]);
    expect(table.admit("a", 10 * MAX_TUNNEL_LIFE_MS)).toEqual({ type: "known" });
  });

  test("knows the tokens of ended sessions for 12 h", () => {
    const table = tableOf(3, ["a", true]);
    table.ended("a", 1_000);
    expect(table.admit("a", MAX_TUNNEL_LIFE_MS + 999).type).toBe("known");
    expect(table.admit("a", MAX_TUNNEL_LIFE_MS + 1_000).type).toBe("start");
  });

  test("when full, ends the oldest that is not connected", () => {
    const table = tableOf(3, ["a", true], ["b", false], ["c", false]);
    expect(table.admit("d", 0)).toEqual({ type: "start", evict: "b" });
    expect(table.admit("b", 0)).toEqual({ type: "known" });
  });

  test("counts a session that lost its link as not connected", () => {
    const table = tableOf(2, ["a", true], ["b", true]);
    table.setConnected("b", false);
    expect(table.admit("c", 0)).toEqual({ type: "start", evict: "b" });
  });

  test("never ends a connected one; the token that is turned away may come again (P83)", () => {
    const table = tableOf(2, ["a", true], ["b", true]);
    expect(table.admit("c", 0)).toEqual({ type: "full" });
    table.ended("a", 0);
    expect(table.admit("c", 0)).toEqual({ type: "start", evict: undefined });
  });

  test("remembers a bounded number of ended ones", () => {
    const table = new SessionTable(1);
    for (let index = 0; index < 5_000; index += 1) {
      table.admit(`t${index}`, index);
      table.ended(`t${index}`, index);
    }
    const isKnown = Array.from({ length: 5_000 }, (_, index) => table.knows(`t${index}`, 5_000));
    expect(isKnown.filter(Boolean)).toHaveLength(1_024);
    expect(isKnown.slice(-1_024).every(Boolean)).toBe(true);
  });

  test("an end that is told twice counts once", () => {
    const table = tableOf(3, ["a", true]);
    table.ended("a", 0);
    table.ended("a", 500);
    table.ended("stranger", 0);
    expect(table.knows("a", MAX_TUNNEL_LIFE_MS)).toBe(false);
    expect(table.knows("stranger", 0)).toBe(false);
  });
});

test("a session is named by a part of its token's hash", () => {
  expect(sessionIdOf(new AccessToken("token"))).toBe("3c469e9d6c5875d3");
});
