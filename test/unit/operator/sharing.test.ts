import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { MeetingPoint } from "../../../src/operator/meeting-point.ts";
import { Member } from "../../../src/operator/member.ts";
import { Sharing } from "../../../src/operator/sharing.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { within } from "../../helpers/wait.ts";

const READY = { type: "ready", pid: 1, tunnelId: "t", expiresAt: "2030-01-01T00:00:00Z" } as const;

function pointIn(directory: string): MeetingPoint {
  const path = (name: string) => join(directory, name);
  return { lock: path("lock"), control: path("control"), streamPrefix: path("s") };
}

test("whoever comes while it closes is let go of, at whatever moment", async () => {
  using dir = tempDir();
  const point = pointIn(dir.path);
  for (let turns = 0; turns < 200; turns += 1) {
    const sharing = await Sharing.open(point);
    sharing.tell(READY);
    const { signal } = new AbortController();
    const joining = Member.join(point, () => {}, signal);
    for (let at = 0; at < turns % 20; at += 1) await turn();
    sharing.close();
    const member = await within("an answer to the member", joining, 2_000);
    if (member !== undefined) {
      const end = await within("the end of the member", member.ended, 2_000);
      expect(end).toMatchObject({ type: "failed", error: { code: "ERR_UNREACHABLE" } });
    }
  }
});

test("closed, it keeps no connection, not even of those who never said what they came for", async () => {
  using dir = tempDir();
  const point = pointIn(dir.path);
  const sharing = await Sharing.open(point);
  const silent = connect(point.control);
  await once(silent, "connect");
  const closed = once(silent, "close");
  silent.resume().on("error", () => {});
  sharing.close();
  await within("its end", closed, 2_000);
});

test("idle is when the last member has gone, not when the last but one has", async () => {
  using dir = tempDir();
  const point = pointIn(dir.path);
  const sharing = await Sharing.open(point);
  sharing.tell(READY);
  const { signal } = new AbortController();
  const [one, other] = [
    await Member.join(point, () => {}, signal),
    await Member.join(point, () => {}, signal),
  ];
  const idle = sharing.idle();
  one?.[Symbol.dispose]();
  expect(sharing.memberCount).toBeGreaterThan(0);
  other?.[Symbol.dispose]();
  await within("idle", idle, 2_000);
  expect(sharing.memberCount).toBe(0);
  sharing.close();
});

test("somebody of another version is told so, and no line behind that is heard", async () => {
  using dir = tempDir();
  const point = pointIn(dir.path);
  using _ = await Sharing.open(point);
  const socket = connect(point.control).setEncoding("utf8");
  socket.write('{"type":"tomorrow"}\n{"type":"status"}\n');
  const [said] = (await within("an answer", once(socket, "data"), 2_000)) as [string];
  expect(JSON.parse(said)).toMatchObject({ type: "failed", code: "ERR_CONFIG", hint: expect.any(String) });
  await within("the end", once(socket, "close"), 2_000);
});

test("an owner of another version is a clear error", async () => {
  using dir = tempDir();
  const point = pointIn(dir.path);
  const owner = createServer((socket) => void socket.on("error", () => {}).write('{"type":"tomorrow"}\n'));
  owner.listen(point.control);
  await once(owner, "listening");
  const joining = Member.join(point, () => {}, new AbortController().signal);
  await expect(within("an answer", joining, 2_000)).rejects.toThrow("another version of this program");
  owner.close();
});
