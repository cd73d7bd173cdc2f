// What every store does, whichever it is: tunnels.ts relies on this and on nothing else.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { MemoryStore } from "../../../../src/emulator/store/memory.ts";
import { SqliteStore } from "../../../../src/emulator/store/sqlite.ts";
import type { Store, TokenRecord, TunnelRecord } from "../../../../src/emulator/store/store.ts";

const OFF = { isConnected: false, changedAt: 0 };

function tunnel(tunnelId: string, more: Partial<TunnelRecord> = {}): TunnelRecord {
  return {
    tunnelId,
    tunnelArn: `arn:${tunnelId}`,
    status: "OPEN",
    lifetimeMinutes: 1,
    tags: [{ key: "a", value: "b" }],
    createdAt: 0,
    lastUpdatedAt: 0,
    dueAt: 60_000,
    source: OFF,
    destination: OFF,
    ...more,
  };
}

function token(tokenHash: string, more: Partial<TokenRecord> = {}): TokenRecord {
  return { tokenHash, tunnelId: "t", mode: "source", use: { type: "unused" }, ...more };
}

function idsOf(records: readonly TunnelRecord[]): string[] {
  return records.map(({ tunnelId }) => tunnelId);
}

describe.each([
  ["in memory", () => new MemoryStore()],
  ["of SQLite", () => new SqliteStore(":memory:")],
] as const)("the store %s", (_name, open: () => Store) => {
  let store: Store;
  beforeEach(() => {
    store = open();
  });
  afterEach(() => store.close());

  test("gives back what was saved, in its latest form", () => {
    expect(store.findTunnel("t")).toBeUndefined();
    store.saveTunnel(tunnel("t"));
    store.saveTunnel(tunnel("t", { status: "CLOSED", thingName: "pump", services: ["SSH"] }));
    expect(store.findTunnel("t")).toEqual(
      tunnel("t", { status: "CLOSED", thingName: "pump", services: ["SSH"] }),
    );
    expect([store.countTunnels("OPEN"), store.countTunnels("CLOSED")]).toEqual([0, 1]);
  });

  test("lists the newest first, of one thing, page by page, in the order of creation", () => {
    for (const id of ["a", "b", "c", "d"]) {
      store.saveTunnel(tunnel(id, { thingName: id < "c" ? "pump" : "lamp" }));
    }
    store.saveTunnel(tunnel("a", { thingName: "pump", status: "CLOSED" })); // a change is no creation
    const page = store.listTunnels({ limit: 3 });
    expect(page.map((each) => each.tunnel.tunnelId)).toEqual(["d", "c", "b"]);
    const rest = store.listTunnels({ limit: 3, before: page[2]?.sequence });
    expect(rest.map((each) => each.tunnel.tunnelId)).toEqual(["a"]);
    const pump = store.listTunnels({ thingName: "pump", limit: 9 });
    expect(pump.map((each) => each.tunnel.tunnelId)).toEqual(["b", "a"]);
  });

  test("never gives a place in that order twice, so that a page token stays good", () => {
    store.saveTunnel(tunnel("a"));
    const [first] = store.listTunnels({ limit: 1 });
    store.removeTunnel("a");
    store.saveTunnel(tunnel("b"));
    const [second] = store.listTunnels({ limit: 1 });
    expect(second?.sequence).toBeGreaterThan(first?.sequence ?? Number.NaN);
  });

  test("finds what is due, the earliest first, of one status, at most so many", () => {
    expect(store.nextDueAt()).toBeUndefined();
    for (const [id, dueAt] of [
      ["late", 30],
      ["soon", 10],
      ["next", 20],
    ] as const) {
      store.saveTunnel(tunnel(id, { dueAt }));
    }
    store.saveTunnel(tunnel("closed", { dueAt: 5, status: "CLOSED" }));
    expect(store.nextDueAt()).toBe(5);
    expect(idsOf(store.tunnelsByDue({ until: 20, limit: 9 }))).toEqual(["closed", "soon", "next"]);
    expect(idsOf(store.tunnelsByDue({ until: 99, limit: 2, status: "OPEN" }))).toEqual(["soon", "next"]);
  });

  test("finds tunnels with a connected side, whichever it is", () => {
    const on = { isConnected: true, changedAt: 1 };
    store.saveTunnel(tunnel("none"));
    store.saveTunnel(tunnel("source", { source: on }));
    store.saveTunnel(tunnel("destination", { destination: on }));
    expect(idsOf(store.connectedTunnels()).toSorted()).toEqual(["destination", "source"]);
  });

  test("keeps how a token was used, and finds those of a client token", () => {
    store.saveTunnel(tunnel("t"));
    store.saveToken(token("1"));
    expect(store.findToken("1")).toEqual(token("1"));
    store.saveToken(token("1", { use: { type: "spent" } }));
    expect(store.findToken("1")?.use).toEqual({ type: "spent" });
    const bound = { type: "bound", clientTokenHash: "c" } as const;
    store.saveToken(token("1", { use: bound }));
    store.saveToken(token("2", { mode: "destination", use: bound }));
    expect(store.tokensOfClient("c").map(({ tokenHash }) => tokenHash)).toEqual(["1", "2"]);
    expect(store.tokensOfClient("d")).toEqual([]);
  });

  test("takes no token without its tunnel", () => {
    expect(() => store.saveToken(token("1"))).toThrow();
    expect(store.findToken("1")).toBeUndefined();
  });

  test("removes the tokens of one side, or all of them with their tunnel", () => {
    for (const tunnelId of ["t", "u"]) store.saveTunnel(tunnel(tunnelId));
    store.saveToken(token("source"));
    store.saveToken(token("destination", { mode: "destination" }));
    store.saveToken(token("other", { tunnelId: "u" }));
    store.removeTokens("t", "source");
    expect(store.findToken("source")).toBeUndefined();
    expect(store.findToken("destination")).toBeDefined();
    store.removeTunnel("t");
    expect(store.findToken("destination")).toBeUndefined();
    expect(store.findToken("other")).toBeDefined();
  });

  test("takes a failed transaction back whole, in whatever order it wrote", () => {
    store.saveTunnel(tunnel("kept"));
    store.saveTunnel(tunnel("t"));
    store.saveToken(token("1"));
    const fail = () =>
      store.transaction(() => {
        store.saveTunnel(tunnel("new"));
        store.saveToken(token("2", { tunnelId: "new" }));
        store.saveTunnel(tunnel("kept", { status: "CLOSED" }));
        store.saveTunnel(tunnel("kept", { dueAt: 1 }));
        store.shiftTimes(5);
        store.removeTunnel("t");
        throw new Error("changed my mind");
      });
    expect(fail).toThrow("changed my mind");
    expect([store.findTunnel("new"), store.findToken("2")]).toEqual([undefined, undefined]);
    expect(store.findTunnel("kept")).toEqual(tunnel("kept"));
    expect(store.findTunnel("t")).toEqual(tunnel("t"));
    expect(store.findToken("1")).toEqual(token("1"));
  });

  test("keeps what a transaction did, and returns its result", () => {
    const result = store.transaction(() => {
      store.saveTunnel(tunnel("t"));
      return 7;
    });
    expect([result, store.findTunnel("t")?.tunnelId]).toEqual([7, "t"]);
  });

  test("moves every time of every tunnel", () => {
    const side = { isConnected: true, changedAt: 3 };
    store.saveTunnel(tunnel("t", { createdAt: 1, lastUpdatedAt: 2, dueAt: 9, source: side }));
    store.shiftTimes(-100);
    expect(store.findTunnel("t")).toMatchObject({
      createdAt: -99,
      lastUpdatedAt: -98,
      dueAt: -91,
      source: { isConnected: true, changedAt: -97 },
      destination: { changedAt: -100 },
    });
    expect(store.nextDueAt()).toBe(-91);
  });
});
