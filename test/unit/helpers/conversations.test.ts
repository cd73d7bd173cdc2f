import { describe, expect, test } from "bun:test";
import { type Account, TalkingService, talk } from "../../helpers/conversations.ts";
import { numberedBytes } from "../../helpers/numbered-bytes.ts";
import { startTcpServer } from "../../helpers/servers.ts";
import { waitFor } from "../../helpers/wait.ts";
import { Wire } from "../../helpers/wire.ts";

const PACE = { bytes: 300_000 };
const IMPATIENT = { ...PACE, frozenAfterMs: 500 };

/** A service behind a wire, and what it had to say. */
async function start() {
  const stack = new AsyncDisposableStack();
  const told: Account[] = [];
  const service = stack.use(await TalkingService.start(PACE, (account) => told.push(account)));
  const wire = stack.use(await Wire.to(service.port));
  return { wire, told, service, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("a conversation", () => {
  test("is whole at both ends where all bytes come, many at once", async () => {
    await using ends = await start();
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const accounts = await Promise.all(numbers.map((number) => talk({ port: ends.wire.port }, number, PACE)));
    await waitFor("the service's accounts", () => ends.told.length === 20);
    for (const account of [...accounts, ...ends.told]) {
      expect(account).toMatchObject({ fate: "whole", received: PACE.bytes, fault: undefined });
    }
    expect(ends.told.map(({ connection }) => connection).sort((a, b) => a - b)).toEqual(numbers);
  });

  test.each([
    ["reset", "reset"],
    ["end", "short"],
  ] as const)("that is cut by %s is %s", async (by, fate) => {
    await using ends = await start();
    ends.wire.set({ cut: { atByte: 100_000, by } }, "down");
    const account = await talk({ port: ends.wire.port }, 1, PACE);
    expect(account.fate).toBe(fate);
    expect(account.received).toBeLessThanOrEqual(100_000);
  });

  test("in which nothing comes is frozen", async () => {
    await using ends = await start();
    ends.wire.set({ isHole: true }, "down");
    expect(await talk({ port: ends.wire.port }, 1, IMPATIENT)).toMatchObject({ fate: "frozen", received: 0 });
  });

  test("with bytes of another is told with their place", async () => {
    await using crossed = await startTcpServer((socket) => {
      socket.resume();
      socket.write(numberedBytes({ connection: 2, direction: "down" }, 0, 80));
    });
    const { fault } = await talk({ port: crossed.port }, 1, PACE);
    expect(fault).toBe("byte 0 of connection 1 down is wrong: there is byte 0 of connection 2 down");
  });
});
