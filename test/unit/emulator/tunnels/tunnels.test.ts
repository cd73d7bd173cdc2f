import { describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { ConfigError } from "../../../../src/base/errors.ts";
import { SqliteStore } from "../../../../src/emulator/store/sqlite.ts";
import type { TunnelRecord } from "../../../../src/emulator/store/store.ts";
import { Fault } from "../../../../src/emulator/tunnels/fault.ts";
import { makeTunnels, type TestTunnels } from "../../../helpers/emulator.ts";

const SSH = { thingName: "pump-7", services: ["SSH"] };

function faultOf(action: () => unknown): { type: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return { type: error.type, message: error.message };
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("opening", () => {
  test("gives an open tunnel nobody is connected to", () => {
    const { tunnels, clock } = makeTunnels();
    const { tunnel } = tunnels.open({ description: "pump", destinationConfig: SSH, lifetimeMinutes: 5 });
    expect(tunnel.tunnelId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(tunnel).toEqual({
      tunnelId: tunnel.tunnelId,
      tunnelArn: `arn:aws:iot:eu-west-1:111122223333:tunnel/${tunnel.tunnelId}`,
      status: "OPEN",
      description: "pump",
      thingName: "pump-7",
      services: ["SSH"],
      lifetimeMinutes: 5,
      tags: [],
      createdAt: clock.time,
      lastUpdatedAt: clock.time,
      dueAt: clock.time + 300_000,
      source: { isConnected: false, changedAt: clock.time },
      destination: { isConnected: false, changedAt: clock.time },
    });
  });

  test("tells of the tunnel with the token that the device has to get", () => {
    const { tunnels, events } = makeTunnels();
    const { tunnel, tokens } = tunnels.open({ destinationConfig: SSH });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: "opened", tunnelId: tunnel.tunnelId, ...SSH });
    const event = events[0];
    expect(event?.type === "opened" && event.destinationAccessToken.reveal()).toBe(
      tokens.destination.reveal(),
    );
  });

  test("takes the longest lifetime when none is given", () => {
    const { tunnels } = makeTunnels();
    expect(tunnels.open({}).tunnel.lifetimeMinutes).toBe(720);
  });

  test("refuses a fourth service as a limit, and a repeated one as a mistake", () => {
    const { tunnels, events } = makeTunnels();
    const open = (services: string[]) => tunnels.open({ destinationConfig: { services } });
    expect(faultOf(() => open(["a", "b", "c", "d"])).type).toBe("LimitExceededException");
    expect(faultOf(() => open(["a", "b", "a"])).type).toBe("ValidationException");
    expect(open(["a", "b", "c"]).tunnel.services).toEqual(["a", "b", "c"]);
    expect(events).toHaveLength(1);
  });

  test("survives a listener that fails", () => {
    const { tunnels } = makeTunnels();
    tunnels.onEvent(() => {
      throw new Error("the notifier is broken");
    });
    const { tunnel } = tunnels.open({});
    expect(tunnels.describe(tunnel.tunnelId).status).toBe("OPEN");
  });
});

describe("admitting", () => {
  const clientToken = "0".repeat(32);

  test("lets both sides in with their own token and says the services", () => {
    const { tunnels } = makeTunnels();
    const { tunnel, tokens } = tunnels.open({ destinationConfig: SSH });
    for (const mode of ["source", "destination"] as const) {
      const admission = tunnels.admit({ accessToken: tokens[mode].reveal(), clientToken: undefined, mode });
      expect(admission).toEqual({ type: "admitted", tunnelId: tunnel.tunnelId, services: ["SSH"] });
    }
  });

  const refusals: [
    string,
    number,
    RegExp,
    (given: TestTunnels) => ReturnType<TestTunnels["tunnels"]["admit"]>,
  ][] = [
    [
      "an unknown token",
      403,
      /^Invalid access-token$/,
      ({ tunnels }) => tunnels.admit({ accessToken: "AQGAAX", clientToken, mode: "source" }),
    ],
    [
      "the token of the other side",
      400,
      /issued for local-proxy-mode destination/,
      ({ tunnels }) => {
        const { tokens } = tunnels.open({});
        return tunnels.admit({ accessToken: tokens.destination.reveal(), clientToken, mode: "source" });
      },
    ],
    [
      "a token used before without client token",
      400,
      /previously used and can not be used again\.$/,
      ({ tunnels }) => {
        const accessToken = tunnels.open({}).tokens.source.reveal();
        tunnels.admit({ accessToken, clientToken: undefined, mode: "source" });
        return tunnels.admit({ accessToken, clientToken, mode: "source" });
      },
    ],
    [
      "a client token other than the first",
      400,
      /does not match the client token that was previously set\.$/,
      ({ tunnels }) => {
        const accessToken = tunnels.open({}).tokens.source.reveal();
        tunnels.admit({ accessToken, clientToken, mode: "source" });
        return tunnels.admit({ accessToken, clientToken: "1".repeat(32), mode: "source" });
      },
    ],
    [
      "a client token that serves another open tunnel",
      400,
      /already in use with another access token/,
      ({ tunnels }) => {
        const first = tunnels.open({}).tokens.source.reveal();
        const second = tunnels.open({}).tokens.source.reveal();
        tunnels.admit({ accessToken: first, clientToken, mode: "source" });
        return tunnels.admit({ accessToken: second, clientToken, mode: "source" });
      },
    ],
    [
      "a rotated token",
      403,
      /^Invalid access-token$/,
      ({ tunnels }) => {
        const { tunnel, tokens } = tunnels.open({});
        tunnels.rotate({ tunnelId: tunnel.tunnelId, modes: ["source"] });
        return tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" });
      },
    ],
    [
      "a token of a closed tunnel",
      400,
      /^Tunnel is closed$/,
      ({ tunnels }) => {
        const { tunnel, tokens } = tunnels.open({});
        tunnels.close(tunnel.tunnelId, { isDeleted: false });
        return tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" });
      },
    ],
    [
      "a token of an expired tunnel",
      400,
      /^Tunnel is closed$/,
      ({ tunnels, clock }) => {
        const { tokens } = tunnels.open({ lifetimeMinutes: 1 });
        clock.passMinutes(1);
        return tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" });
      },
    ],
    [
      "a token of a deleted tunnel",
      403,
      /^Invalid access-token$/,
      ({ tunnels }) => {
        const { tunnel, tokens } = tunnels.open({});
        tunnels.close(tunnel.tunnelId, { isDeleted: true });
        return tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" });
      },
    ],
  ];
  test.each(refusals)("refuses %s", (_title, status, reason, act) => {
    expect(act(makeTunnels())).toEqual({ type: "refused", status, reason: expect.stringMatching(reason) });
  });

  test("takes a client token again on the same side, and for another tunnel once the first is closed", () => {
    const { tunnels } = makeTunnels();
    const first = tunnels.open({});
    const second = tunnels.open({});
    const admit = ({ tokens }: typeof first) =>
      tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" }).type;
    expect([admit(first), admit(first), admit(second)]).toEqual(["admitted", "admitted", "refused"]);
    tunnels.close(first.tunnel.tunnelId, { isDeleted: false });
    expect(admit(second)).toBe("admitted");
  });

  test("a refusal uses nothing up", () => {
    const { tunnels } = makeTunnels();
    const { tokens } = tunnels.open({});
    const accessToken = tokens.destination.reveal();
    expect(tunnels.admit({ accessToken, clientToken: undefined, mode: "source" }).type).toBe("refused");
    expect(tunnels.admit({ accessToken, clientToken: undefined, mode: "destination" }).type).toBe("admitted");
  });
});

describe("rotating", () => {
  test("replaces the tokens of the chosen sides only, and leaves the end of the tunnel", () => {
    const { tunnels, clock, events } = makeTunnels();
    const { tunnel, tokens } = tunnels.open({ destinationConfig: SSH, lifetimeMinutes: 60 });
    clock.passMinutes(10);
    const rotated = tunnels.rotate({ tunnelId: tunnel.tunnelId, modes: ["destination"] });
    expect(rotated.tokens.source).toBeUndefined();
    expect(rotated.tokens.destination?.reveal()).not.toBe(tokens.destination.reveal());
    expect(rotated.tunnel).toMatchObject({ dueAt: tunnel.dueAt, lastUpdatedAt: clock.time });
    expect(events[1]).toMatchObject({ type: "rotated", modes: ["destination"], ...SSH });
    expect(
      tunnels.admit({ accessToken: tokens.source.reveal(), clientToken: undefined, mode: "source" }).type,
    ).toBe("admitted");
  });

  test("frees the client token of the old access token", () => {
    const { tunnels } = makeTunnels();
    const clientToken = randomUUID();
    const { tunnel, tokens } = tunnels.open({});
    tunnels.admit({ accessToken: tokens.source.reveal(), clientToken, mode: "source" });
    const renewed =
      tunnels.rotate({ tunnelId: tunnel.tunnelId, modes: ["source"] }).tokens.source?.reveal() ?? "";
    expect(tunnels.admit({ accessToken: renewed, clientToken, mode: "source" }).type).toBe("admitted");
  });

  test("gives a tunnel without destination one, and keeps the thing when only services are named", () => {
    const { tunnels } = makeTunnels();
    const { tunnelId } = tunnels.open({}).tunnel;
    tunnels.rotate({ tunnelId, modes: ["destination"], destinationConfig: SSH });
    expect(tunnels.describe(tunnelId)).toMatchObject(SSH);
    tunnels.rotate({ tunnelId, modes: ["source", "destination"], destinationConfig: { services: ["VNC"] } });
    expect(tunnels.describe(tunnelId)).toMatchObject({ thingName: "pump-7", services: ["VNC"] });
  });

  test("of a closed or unknown tunnel finds nothing", () => {
    const { tunnels } = makeTunnels();
    const { tunnelId } = tunnels.open({}).tunnel;
    tunnels.close(tunnelId, { isDeleted: false });
    for (const id of [tunnelId, "unknown"]) {
      expect(faultOf(() => tunnels.rotate({ tunnelId: id, modes: ["source"] })).type).toBe(
        "ResourceNotFoundException",
      );
    }
  });
});

describe("a clock that is set", () => {
  test.each([13 * 60, -13 * 60, 60 * 24 * 365 * 50])(
    "by %d minutes leaves every tunnel the life it had",
    (minutes) => {
      const { tunnels, clock, events } = makeTunnels();
      const { tunnelId, dueAt } = tunnels.open({ lifetimeMinutes: 10 }).tunnel;
      const old = tunnels.open({}).tunnel;
      tunnels.close(old.tunnelId, { isDeleted: false });
      clock.passMinutes(4);
      clock.stepMinutes(minutes);
      tunnels.tick();
      const stepMs = minutes * 60_000;
      const open = tunnels.describe(tunnelId);
      expect(open).toMatchObject({
        status: "OPEN",
        dueAt: dueAt + stepMs,
        createdAt: old.createdAt + stepMs,
        lastUpdatedAt: old.createdAt + stepMs,
        source: { changedAt: old.createdAt + stepMs },
        destination: { changedAt: old.createdAt + stepMs },
      });
      expect(tunnels.deadline()).toBe(open.dueAt);
      expect(tunnels.describe(old.tunnelId).status).toBe("CLOSED");
      clock.passMinutes(6);
      tunnels.tick();
      expect(tunnels.describe(tunnelId).status).toBe("CLOSED");
      expect(events.filter(({ type }) => type === "closed")).toHaveLength(2);
    },
  );
});

describe("a store that takes nothing more", () => {
  /** A disk with room for so many changes. */
  class SmallDisk extends SqliteStore {
    room = Number.POSITIVE_INFINITY;

    override transaction<T>(change: () => T): T {
      if (this.room <= 0) throw new ConfigError("no space is left on the disk");
      this.room -= 1;
      return super.transaction(change);
    }
  }

  test("fails what would be written, and nothing else", () => {
    const disk = new SmallDisk(":memory:");
    const { tunnels, clock, events } = makeTunnels(disk);
    const { tunnel, tokens } = tunnels.open({ lifetimeMinutes: 10 });
    const { tunnelId } = tunnels.open({ lifetimeMinutes: 20 }).tunnel;
    disk.room = 0;
    clock.passMinutes(10);
    expect(() => tunnels.open({})).toThrow("no space is left");
    expect(() => tunnels.tag(tunnel.tunnelArn, [{ key: "a", value: "b" }])).toThrow("no space is left");
    expect(tunnels.describe(tunnelId).status).toBe("OPEN");
    expect(tunnels.describe(tunnel.tunnelId)).toMatchObject({
      status: "CLOSED",
      lastUpdatedAt: tunnel.dueAt,
    });
    expect(tunnels.list({ limit: 10 }).map((listed) => listed.tunnel.status)).toEqual(["OPEN", "CLOSED"]);
    expect(tunnels.deadline()).toBe(tunnel.dueAt);
    disk.room = Number.POSITIVE_INFINITY;
    expect(events.filter(({ type }) => type === "closed")).toEqual([]);
    tunnels.tick();
    expect(events.at(-1)).toEqual({ type: "closed", tunnelId: tunnel.tunnelId, reason: "expired" });
    const accessToken = tokens.source.reveal();
    expect(tunnels.admit({ accessToken, clientToken: undefined, mode: "source" })).toMatchObject({
      reason: "Tunnel is closed",
    });
  });

  test("tells of those that expired before it was full, though more are due", () => {
    const disk = new SmallDisk(":memory:");
    const { tunnels, clock, events } = makeTunnels(disk);
    for (let i = 0; i < 250; i += 1) tunnels.open({ lifetimeMinutes: 1 });
    disk.room = 1;
    clock.passMinutes(1);
    tunnels.tick();
    expect(events.filter(({ type }) => type === "closed")).toHaveLength(100);
  });
});

describe("the end of a tunnel", () => {
  test("comes with its lifetime, to the millisecond", () => {
    const { tunnels, clock, events } = makeTunnels();
    const { tunnel } = tunnels.open({ lifetimeMinutes: 3 });
    expect(tunnels.deadline()).toBe(tunnel.dueAt);
    clock.time = tunnel.dueAt - 1;
    tunnels.tick();
    expect(tunnels.describe(tunnel.tunnelId).status).toBe("OPEN");
    clock.time = tunnel.dueAt;
    tunnels.tick();
    expect(events.at(-1)).toEqual({ type: "closed", tunnelId: tunnel.tunnelId, reason: "expired" });
    expect(tunnels.describe(tunnel.tunnelId)).toMatchObject({
      status: "CLOSED",
      lastUpdatedAt: tunnel.dueAt,
    });
  });

  test("leaves it visible for three hours", () => {
    const { tunnels, clock } = makeTunnels();
    const { tunnelId } = tunnels.open({}).tunnel;
    tunnels.close(tunnelId, { isDeleted: false });
    clock.passMinutes(179);
    expect(tunnels.describe(tunnelId).status).toBe("CLOSED");
    clock.passMinutes(1);
    expect(faultOf(() => tunnels.describe(tunnelId)).type).toBe("ResourceNotFoundException");
    expect(tunnels.deadline()).toBeUndefined();
  });

  test("of very many at once is handled whole", () => {
    const { tunnels, clock, events } = makeTunnels();
    for (let i = 0; i < 250; i += 1) tunnels.open({ lifetimeMinutes: 1 });
    clock.passMinutes(1);
    tunnels.tick();
    expect(events.filter((event) => event.type === "closed")).toHaveLength(250);
  });

  test("may be asked for again and again; told once", () => {
    const { tunnels, events } = makeTunnels();
    const { tunnelId } = tunnels.open({}).tunnel;
    tunnels.close(tunnelId, { isDeleted: false });
    tunnels.close(tunnelId, { isDeleted: false });
    expect(events.filter((event) => event.type === "closed")).toHaveLength(1);
    tunnels.close(tunnelId, { isDeleted: true });
    expect(events.at(-1)).toEqual({ type: "closed", tunnelId, reason: "deleted" });
    expect(faultOf(() => tunnels.close(tunnelId, { isDeleted: false })).type).toBe(
      "ResourceNotFoundException",
    );
  });

  test("ends the connections in what describe says", () => {
    const { tunnels, clock } = makeTunnels();
    const { tunnelId } = tunnels.open({}).tunnel;
    tunnels.connected(tunnelId, "source");
    clock.passMinutes(1);
    tunnels.close(tunnelId, { isDeleted: false });
    expect(tunnels.describe(tunnelId).source).toEqual({ isConnected: false, changedAt: clock.time });
    tunnels.disconnected(tunnelId, "source");
    expect(tunnels.describe(tunnelId).source.changedAt).toBe(clock.time);
  });
});

describe("listing", () => {
  test("is newest first, even for tunnels of one millisecond, by thing and by place", () => {
    const { tunnels } = makeTunnels();
    const ids = ["a", "b", "a", "c"].map((thingName) => {
      const { tunnel } = tunnels.open({ destinationConfig: { thingName, services: ["SSH"] } });
      return tunnel.tunnelId;
    });
    const idsOf = (found: readonly { readonly tunnel: TunnelRecord }[]) =>
      found.map(({ tunnel }) => tunnel.tunnelId);
    expect(idsOf(tunnels.list({ limit: 10 }))).toEqual(ids.toReversed());
    expect(idsOf(tunnels.list({ thingName: "a", limit: 10 }))).toEqual([ids[2] ?? "", ids[0] ?? ""]);
    const [first, second] = tunnels.list({ limit: 2 });
    expect([first?.tunnel.tunnelId, second?.tunnel.tunnelId]).toEqual([ids[3], ids[2]]);
    expect(idsOf(tunnels.list({ before: second?.sequence, limit: 2 }))).toEqual([ids[1] ?? "", ids[0] ?? ""]);
  });
});

describe("connection states", () => {
  test("follow the local proxies, side by side", () => {
    const { tunnels, clock } = makeTunnels();
    const { tunnelId } = tunnels.open({}).tunnel;
    clock.passMinutes(1);
    tunnels.connected(tunnelId, "destination");
    expect(tunnels.describe(tunnelId)).toMatchObject({
      source: { isConnected: false },
      destination: { isConnected: true, changedAt: clock.time },
      lastUpdatedAt: clock.time,
    });
    clock.passMinutes(1);
    tunnels.disconnected(tunnelId, "destination");
    expect(tunnels.describe(tunnelId).destination).toEqual({ isConnected: false, changedAt: clock.time });
  });

  test("are gone after a restart; tunnels, tokens and tags are not", () => {
    const store = new SqliteStore(":memory:");
    const before = makeTunnels(store);
    const { tunnel, tokens } = before.tunnels.open({
      destinationConfig: SSH,
      tags: [{ key: "a", value: "b" }],
    });
    const clientToken = randomUUID();
    const source = { accessToken: tokens.source.reveal(), clientToken, mode: "source" } as const;
    before.tunnels.admit(source);
    before.tunnels.connected(tunnel.tunnelId, "source");
    const { tunnels } = makeTunnels(store, before.clock);
    expect(tunnels.describe(tunnel.tunnelId)).toEqual(tunnel);
    expect(tunnels.admit(source).type).toBe("admitted");
    expect(tunnels.admit({ ...source, clientToken: randomUUID() }).type).toBe("refused");
  });

  test("of an unknown tunnel are ignored", () => {
    const { tunnels } = makeTunnels();
    tunnels.connected("unknown", "source");
    expect(tunnels.list({ limit: 1 })).toEqual([]);
  });
});

describe("tags", () => {
  test("are added, replaced and removed by ARN", () => {
    const { tunnels } = makeTunnels();
    const { tunnelArn } = tunnels.open({ tags: [{ key: "a", value: "1" }] }).tunnel;
    tunnels.tag(tunnelArn, [
      { key: "a", value: "2" },
      { key: "A", value: "" },
    ]);
    expect(tunnels.tagsOf(tunnelArn)).toEqual([
      { key: "a", value: "2" },
      { key: "A", value: "" },
    ]);
    tunnels.untag(tunnelArn, ["a", "absent"]);
    expect(tunnels.tagsOf(tunnelArn)).toEqual([{ key: "A", value: "" }]);
  });

  test("are at most 50, the last change included", () => {
    const { tunnels } = makeTunnels();
    const tags = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: "" }));
    const { tunnelArn } = tunnels.open({ tags }).tunnel;
    tunnels.tag(tunnelArn, [{ key: "k0", value: "again" }]);
    expect(faultOf(() => tunnels.tag(tunnelArn, [{ key: "one more", value: "" }])).type).toBe(
      "LimitExceededException",
    );
    expect(tunnels.tagsOf(tunnelArn)).toHaveLength(50);
  });

  const wrong: [string, { key: string; value: string }[]][] = [
    ["a reserved prefix", [{ key: "aws:x", value: "" }]],
    ["a reserved prefix in capitals", [{ key: "AWS:x", value: "" }]],
    ["a key twice", ["1", "2"].map((value) => ({ key: "k", value }))],
  ];
  test.each(wrong)("with %s are refused, in open and later", (_title, tags) => {
    const { tunnels } = makeTunnels();
    expect(faultOf(() => tunnels.open({ tags })).type).toBe("ValidationException");
    const { tunnelArn } = tunnels.open({}).tunnel;
    expect(faultOf(() => tunnels.tag(tunnelArn, tags)).type).toBe("ValidationException");
  });

  test("belong to the whole ARN: another account's tunnel of the same id is not found", () => {
    const { tunnels } = makeTunnels();
    const { tunnelArn, tunnelId } = tunnels.open({}).tunnel;
    for (const arn of [tunnelId, tunnelArn.replace("111122223333", "999999999999"), "arn:aws:iot", "/"]) {
      expect(faultOf(() => tunnels.tagsOf(arn)).type).toBe("ResourceNotFoundException");
    }
  });
});
