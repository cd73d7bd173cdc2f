import { expect, test } from "bun:test";
import { disconnectedWords, fateWords, renewedWords } from "../../../src/proxy/fate-words.ts";

const service = "SSH";

test("what became of connections", () => {
  const held = { event: "connections-held", service, connections: 2 } as const;
  expect(fateWords({ ...held, isLinkDown: true })).toBe("held: 2 connections, the link is down");
  expect(fateWords({ ...held, isLinkDown: false })).toBe("held: 2 connections, the other side is away");
  const resumed = { event: "connections-resumed", service, connections: 1, afterMs: 12_000 } as const;
  expect(fateWords(resumed)).toBe("resumed: 1 connection after 12 s, nothing lost");
  const lost = { event: "connections-lost", service, connections: 1, reason: "nobody came" } as const;
  expect(fateWords(lost)).toBe("lost: 1 connection, nobody came");
});

test("a lost link is told with what waits for it", () => {
  const lost = { reason: "reset", retryInMs: 3_000 };
  expect(disconnectedWords({ ...lost, heldConnections: 0 })).toBe("disconnected: reset; next try in 3 s");
  expect(disconnectedWords({ ...lost, heldConnections: 2 })).toBe(
    "held: 2 connections, the link is down: reset (next try in 3 s)",
  );
  expect(renewedWords({ heldConnections: 1 })).toEndWith("kept for this tunnel; held: 1 connection");
  expect(renewedWords({ heldConnections: 0 })).toEndWith("kept for this tunnel");
});
