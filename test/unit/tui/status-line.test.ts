import { describe, expect, test } from "bun:test";
import { parseStatus } from "../../../src/tui/status-line.ts";
import { sourceStatus } from "./samples.ts";

const STATUS = sourceStatus(1_000);
const [SESSION] = STATUS.sessions;

function read(members: Readonly<Record<string, unknown>>) {
  return parseStatus(JSON.stringify({ ...STATUS, ...members }), STATUS.pid);
}

describe("a line of a status socket", () => {
  test("is what a process publishes, whatever a newer one adds", () => {
    expect(read({})).toEqual(STATUS);
    expect(read({ more: 1, sessions: [] })).toMatchObject({ sessions: [] });
    expect(read({ sessions: [{ ...SESSION, tunnelId: undefined, roundTripMs: undefined }] })).toBeDefined();
  });

  test.each([
    ["of another version", { version: 2 }],
    ["of another process", { pid: STATUS.pid + 1 }],
    ["without sessions", { sessions: undefined }],
    ["with a session that is none", { sessions: [null] }],
    ["with a connection that is none", { sessions: [{ ...SESSION, connections: [null] }] }],
    ["with bytes that are no number", { sessions: [{ ...SESSION, bytesToTunnel: "1" }] }],
    ["with an event without text", { recent: [{ number: 1, at: 1 }] }],
  ])("is not one %s", (_title, members) => {
    expect(read(members)).toBeUndefined();
  });

  test.each(["", "null", "[]", "{", "7"])("is not %o", (line) => {
    expect(parseStatus(line, STATUS.pid)).toBeUndefined();
  });
});
