import { describe, expect, test } from "bun:test";
import { callOperation, startEmulator } from "../../helpers/emulator.ts";
import { Ledger } from "../../helpers/ledger.ts";
import { waitFor } from "../../helpers/wait.ts";
import { Random } from "../../sim/random.ts";

/** An emulator with a ledger of some calls. */
async function start() {
  const emulator = await startEmulator();
  const random = new Random(3);
  const ledger = new Ledger(emulator, () => random.next());
  const stop = new AbortController();
  const writing = ledger.write({ signal: stop.signal, everyMs: 0, most: 100 });
  await waitFor("some calls", () => ledger.counts.opened >= 10 && ledger.counts.rotated > 0);
  stop.abort();
  await writing;
  const { body } = await callOperation(emulator, "ListTunnels", {});
  const tunnels = body["tunnelSummaries"] as { tunnelId: string; tunnelArn: string; status: string }[];
  const open = tunnels.find(({ status }) => status === "OPEN");
  if (open === undefined) throw new Error("no tunnel is open");
  return { emulator, ledger, open, [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose]() };
}

describe("a ledger", () => {
  test("finds everything that was acknowledged, again and again", async () => {
    await using started = await start();
    for (let i = 0; i < 2; i += 1) {
      expect(await started.ledger.check()).toBeGreaterThanOrEqual(10);
      expect(started.ledger.losses).toEqual([]);
    }
    expect(await started.ledger.check(3)).toBe(3);
  });

  test.each([
    ["a tunnel", "CloseTunnel", { delete: true }, /does not exist/],
    ["its status", "CloseTunnel", {}, /is CLOSED, not OPEN/],
    ["a tag", "UntagResource", { tagKeys: ["n"] }, /^tags of/],
    ["a token", "RotateTunnelAccessToken", { clientMode: "SOURCE" }, /^a source token of .* 403, not 101$/],
  ] as const)("misses %s that somebody else took away", async (_what, operation, request, sentence) => {
    await using started = await start();
    const { tunnelId, tunnelArn } = started.open;
    const target = operation === "UntagResource" ? { resourceArn: tunnelArn } : { tunnelId };
    const { status } = await callOperation(started.emulator, operation, { ...target, ...request });
    expect(status).toBe(200);
    await started.ledger.check();
    const [first, ...others] = started.ledger.losses;
    expect(first).toMatch(sentence);
    for (const each of [first, ...others]) expect(each).toContain(tunnelId);
  });
});
