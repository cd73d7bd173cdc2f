import { LineSplitter } from "../../../src/base/line-splitter.ts";
import { readMemberMessage, readOwnerMessage } from "../../../src/operator/messages.ts";
import type { ProcessStatus } from "../../../src/proxy/status.ts";
import { sessionRows } from "../../../src/tui/select.ts";
import { initialState, reduce, type State } from "../../../src/tui/state.ts";
import { parseStatus } from "../../../src/tui/status-line.ts";
import { NOW, sourceStatus } from "../../unit/tui/samples.ts";
import { Cursor } from "../cursor.ts";
import { JSON_WORDS } from "../json.ts";
import { must, type Target, text, textOf } from "../target.ts";

const MAX_LINE = 4_096;

/** What comes through a socket as text, in pieces: as lines, however it was cut. */
function linesOf(input: Uint8Array): readonly string[] | undefined {
  const cursor = new Cursor(input);
  const cuts = cursor.take(cursor.below(8));
  const whole = textOf(cursor.rest());
  const splitter = new LineSplitter(MAX_LINE);
  const lines: string[] = [];
  let at = 0;
  for (const length of [...cuts, whole.length]) {
    const some = splitter.push(whole.slice(at, at + length));
    at += length;
    if (some === undefined) {
      must(
        whole.split("\n").some((line) => line.length > MAX_LINE),
        "a line that is not too long is refused",
      );
      return undefined;
    }
    lines.push(...some);
  }
  must(
    lines.join("\n") === whole.split("\n").slice(0, -1).join("\n"),
    "the lines depend on where they were cut",
  );
  return lines;
}

const STATUS = sourceStatus(1_000);
const EMPTY = initialState({
  now: NOW,
  columns: 100,
  rows: 30,
  colours: true,
  title: "watch",
  hasControlPlane: true,
});

/** Lines of a status socket, and the screen that shows them. */
export const status: Target = {
  name: "status",
  examples: text(
    `\u0000${JSON.stringify(STATUS)}\n`,
    `\u0002\u0010\u0020${JSON.stringify(STATUS)}\n${JSON.stringify(sourceStatus(5_000))}\n`,
    `\u0000${JSON.stringify({ ...STATUS, sessions: [], recent: [] })}\n{}\n`,
  ),
  words: [
    ...JSON_WORDS,
    ...text(
      '"sessions":[',
      '"recent":[',
      '"connections":[',
      '"number":',
      '"text":',
      '"id":',
      '"pid":4711',
      "\n",
    ),
    ...text('"version":1', '"link":"connecting"', '"services":[', '"roundTripMs":', '"startedAt":'),
  ],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 80_000,
  run(input) {
    let state: State = EMPTY;
    for (const line of linesOf(input) ?? []) {
      const shown = parseStatus(line, STATUS.pid);
      if (shown !== undefined) state = show(state, shown);
    }
  },
};

function show(before: State, shown: ProcessStatus): State {
  const state = reduce(before, { type: "process", status: shown, now: NOW + 1_000 });
  must(state.events.length <= 200, "events without bound");
  for (const { text: event, at } of state.events) {
    must(typeof at === "number" && event.length <= 4_000, "an event that cannot be shown");
  }
  for (const row of sessionRows(state)) must(row.key !== "", "a row without key");
  return state;
}

/** The control socket of a shared tunnel: what members and owner say. */
export const sharing: Target = {
  name: "sharing",
  examples: text(
    '\u0000{"type":"use"}\n{"type":"listen","address":{"type":"tcp","host":"::1","port":0}}\n{"type":"status"}\n',
    '\u0001\u0009{"type":"listen","address":{"type":"unix","path":"/run/x"}}\n',
    '\u0000{"type":"waiting","for":"the device"}\n{"type":"ready","pid":7,"tunnelId":"x","expiresAt":"2026-01-01T00:00:00.000Z"}\n',
    '\u0000{"type":"listening","address":"127.0.0.1","port":22}\n{"type":"refused","code":"ERR_LISTEN","message":"no"}\n',
    '\u0000{"type":"status","tunnelId":"x"}\n{"type":"failed","code":"ERR_LIMIT","message":"no","hint":"x"}\n{"type":"ended"}\n',
  ),
  words: [
    ...JSON_WORDS,
    ...text(
      '"type":"use"',
      '"type":"listen"',
      '"type":"tcp"',
      '"type":"unix"',
      '"type":"ready"',
      '"type":"status"',
    ),
    ...text(
      '"type":"failed"',
      '"type":"ended"',
      '"address":',
      '"port":',
      '"path":',
      '"host":',
      '"pid":',
      "\n",
      "65536",
    ),
    ...text('"code":"ERR_BUG"', '"message":', '"hint":', '"tunnelId":', '"expiresAt":', '"for":'),
  ],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 200_000,
  run(input) {
    for (const line of linesOf(input) ?? []) {
      checkMember(line);
      checkOwner(line);
    }
  },
};

function checkMember(line: string): void {
  const message = readMemberMessage(line);
  if (message?.type !== "listen") return;
  const { address } = message;
  if (address.type === "unix") must(typeof address.path === "string", "a path that is no text");
  else
    must(Number.isInteger(address.port) && address.port >= 0 && address.port < 65_536, "a port that is none");
}

function checkOwner(line: string): void {
  const message = readOwnerMessage(line);
  if (message?.type === "ready") new Date(message.expiresAt).toISOString();
  else if (message?.type === "waiting") must(message.for.length >= 0, "nothing to wait for");
  else if (message?.type === "failed" || message?.type === "refused") {
    must(/^ERR_[A-Z_]+$/.test(message.code) && typeof message.message === "string", "a failure that is none");
  }
}
