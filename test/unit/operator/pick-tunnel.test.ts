import { describe, expect, test } from "bun:test";
import type { Tunnel } from "../../../src/aws/shapes.ts";
import { connectTags } from "../../../src/operator/connect-tags.ts";
import { isStale, pickTunnel } from "../../../src/operator/pick-tunnel.ts";

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const ME = "1000@here";
const WANTED = { thing: "pump-7", service: "SSH", takeOver: false };

function tunnel(
  tunnelId: string,
  facts: Partial<Tunnel> & { ageMinutes?: number; source?: boolean; device?: boolean } = {},
): Tunnel {
  const { ageMinutes = 60, source = false, device = false, ...more } = facts;
  const at = new Date(NOW - ageMinutes * MINUTE);
  return {
    tunnelId,
    status: "OPEN",
    destinationConfig: { thingName: "pump-7", services: ["SSH"] },
    timeoutConfig: { maxLifetimeTimeoutMinutes: 720 },
    sourceConnectionState: { status: source ? "CONNECTED" : "DISCONNECTED", lastUpdatedAt: at },
    destinationConnectionState: { status: device ? "CONNECTED" : "DISCONNECTED", lastUpdatedAt: at },
    createdAt: at,
    lastUpdatedAt: at,
    ...more,
  };
}

describe("the tunnel to reuse", () => {
  const pick = (tunnels: readonly Tunnel[], takeOver = false) =>
    pickTunnel(tunnels, { ...WANTED, takeOver }, ME, NOW);

  test.each<[string, Tunnel]>([
    ["closed", tunnel("a", { status: "CLOSED" })],
    ["of another thing", tunnel("a", { destinationConfig: { thingName: "Pump-7", services: ["SSH"] } })],
    ["with another service", tunnel("a", { destinationConfig: { thingName: "pump-7", services: ["VNC"] } })],
    [
      "with more services",
      tunnel("a", { destinationConfig: { thingName: "pump-7", services: ["SSH", "VNC"] } }),
    ],
    ["about to end", tunnel("a", { ageMinutes: 719.5 })],
    ["in use", tunnel("a", { source: true })],
    [
      "opened by somebody's connect a moment ago",
      tunnel("a", { ageMinutes: 1, tags: connectTags("x@there", false) }),
    ],
  ])("is none that is %s", (_, other) => {
    expect(pick([other])).toBeUndefined();
  });

  test("is one with its device connected before one with more time left", () => {
    const [young, old, ready] = [
      tunnel("young", { ageMinutes: 1 }),
      tunnel("old"),
      tunnel("ready", { device: true }),
    ];
    expect(pick([old, young])?.tunnel.tunnelId).toBe("young");
    expect(pick([old, young, ready])?.tunnel.tunnelId).toBe("ready");
  });

  test("is one in use only on request, and only when no other is free", () => {
    const used = tunnel("used", { source: true, device: true });
    expect(pick([used], true)).toEqual({ tunnel: used, why: "taken-over" });
    expect(pick([used, tunnel("free")], true)?.tunnel.tunnelId).toBe("free");
  });

  test("is one that an own connect left over at once, and one of others after ten minutes", () => {
    expect(pick([tunnel("a", { ageMinutes: 0, tags: connectTags(ME, false) })])?.why).toBe("left-over");
    expect(pick([tunnel("a", { ageMinutes: 10, tags: connectTags("x@there", false) })])?.why).toBe(
      "left-over",
    );
    expect(pick([tunnel("a", { tags: connectTags(ME, true) })])?.why).toBe("open");
  });
});

test.each<[string, Tunnel, boolean]>([
  ["left over", tunnel("a", { tags: connectTags(ME, false) }), true],
  ["carried by a connect of this machine", tunnel("running", { tags: connectTags(ME, false) }), false],
  ["in use", tunnel("a", { source: true, tags: connectTags(ME, false) }), false],
  ["kept", tunnel("a", { tags: connectTags(ME, true) }), false],
  ["opened by hand", tunnel("a"), false],
  ["closed", tunnel("a", { status: "CLOSED", tags: connectTags(ME, false) }), false],
  [
    "of somebody else, a moment ago",
    tunnel("a", { ageMinutes: 1, tags: connectTags("x@there", false) }),
    false,
  ],
])("a tunnel that is %s", (_, candidate, expected) => {
  expect(isStale(candidate, ME, new Set(["running"]), NOW)).toBe(expected);
});
