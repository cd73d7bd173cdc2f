import { describe, expect, test } from "bun:test";
import { readMemberMessage, readOwnerMessage } from "../../../src/operator/messages.ts";

const READY = { type: "ready", pid: 7, tunnelId: "x", expiresAt: "2026-01-01T00:00:00.000Z" };
const FAILED = { type: "failed", code: "ERR_LIMIT", message: "no" };

describe("what a member says", () => {
  test.each([
    { type: "use" },
    { type: "status" },
    { type: "ping", isLoaded: true },
    { type: "listen", address: { type: "tcp", port: 0 } },
    { type: "listen", address: { type: "tcp", host: "::1", port: 65_535 } },
    { type: "listen", address: { type: "unix", path: "/run/x" } },
  ])("is heard: %o", (message) => {
    expect(readMemberMessage(JSON.stringify(message))).toEqual(message as never);
  });

  test.each([
    READY,
    { type: "listen" },
    { type: "ping" },
    { type: "listen", address: null },
    { type: "listen", address: { type: "tcp", port: "22" } },
    { type: "listen", address: { type: "tcp", port: 65_536 } },
    { type: "listen", address: { type: "unix" } },
  ])("is no message of this version: %o", (message) => {
    expect(readMemberMessage(JSON.stringify(message))).toBeUndefined();
  });
});

describe("what the owner says", () => {
  test.each([
    READY,
    { type: "status" },
    { type: "status", cut: { code: "ERR_UNREACHABLE", message: "lost" } },
    { type: "waiting", for: "the device" },
    { type: "listening", address: "/run/x" },
    { type: "listening", address: "::1", port: 22 },
    { type: "pong", pong: { serviceId: "SSH", outcome: 1.5, loadedBytes: 0 } },
    { type: "pong", pong: { serviceId: "SSH", outcome: "away", loadedBytes: 9 } },
    FAILED,
    { ...FAILED, type: "refused", hint: "wait" },
    { type: "ended" },
  ])("is heard: %o", (message) => {
    expect(readOwnerMessage(JSON.stringify(message))).toEqual(message as never);
  });

  test.each([
    { type: "use" },
    { type: "status", cut: "lost" },
    { ...READY, expiresAt: "never" },
    { ...READY, pid: "7" },
    { type: "waiting" },
    { type: "listening", address: "::1", port: -1 },
    { type: "pong", pong: { serviceId: "SSH", outcome: "late", loadedBytes: 0 } },
    { ...FAILED, code: "ERR_OF_TOMORROW" },
    { ...FAILED, message: undefined },
  ])("is no message of this version: %o", (message) => {
    expect(readOwnerMessage(JSON.stringify(message))).toBeUndefined();
  });
});
