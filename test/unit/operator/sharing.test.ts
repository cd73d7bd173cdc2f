import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Platform, POSIX, WINDOWS } from "../../../src/base/platform.ts";
import { dialStream } from "../../../src/operator/dial-stream.ts";
import type { MeetingPoint } from "../../../src/operator/meeting-point.ts";
import { Member } from "../../../src/operator/member.ts";
import { Sharing } from "../../../src/operator/sharing.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { waitFor, within } from "../../helpers/wait.ts";

const READY = { type: "ready", pid: 1, tunnelId: "t", expiresAt: "2030-01-01T00:00:00Z" } as const;

function pointIn(directory: string): MeetingPoint {
  const path = (name: string) => join(directory, name);
  return { lock: path("lock"), control: path("control"), streamPrefix: path("s") };
}

const SYSTEMS: [string, Platform][] = [
  ["with Unix sockets", POSIX],
  ["without", WINDOWS],
];

test.each(SYSTEMS)(
  "whoever comes while it closes is let go of, at whatever moment, %s",
  async (_, platform) => {
    using dir = tempDir();
    const point = pointIn(dir.path);
    for (let turns = 0; turns < 200; turns += 1) {
      const sharing = await Sharing.open(point, platform);
      sharing.tell(READY);
      const { signal } = new AbortController();
      const joining = Member.join(point, () => {}, signal, platform);
      for (let at = 0; at < turns % 20; at += 1) await turn();
      sharing.close();
      const member = await within("an answer to the member", joining, 2_000);
      if (member !== undefined) {
        const end = await within("the end of the member", member.ended, 2_000);
        expect(end).toMatchObject({ type: "failed", error: { code: "ERR_UNREACHABLE" } });
      }
    }
  },
);

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

test.each(SYSTEMS)(
  "idle is when the last member has gone, not when the last but one has, %s",
  async (_, platform) => {
    using dir = tempDir();
    const point = pointIn(dir.path);
    const sharing = await Sharing.open(point, platform);
    sharing.tell(READY);
    const { signal } = new AbortController();
    const [one, other] = [
      await Member.join(point, () => {}, signal, platform),
      await Member.join(point, () => {}, signal, platform),
    ];
    const idle = sharing.idle();
    one?.[Symbol.dispose]();
    expect(sharing.memberCount).toBeGreaterThan(0);
    other?.[Symbol.dispose]();
    await within("idle", idle, 2_000);
    expect(sharing.memberCount).toBe(0);
    sharing.close();
  },
);

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

/** A tunnel that carries, and a member of it, which the owner's end ends. */
async function joined(point: MeetingPoint, platform: Platform) {
  const sharing = await Sharing.open(point, platform);
  const carried: Socket[] = [];
  const carry = async (socket: Socket) => void carried.push(socket);
  sharing.carry({
    carry,
    take: carry,
    ping: async () => ({ serviceId: "SSH", outcome: "silent", loadedBytes: 0 }),
  });
  sharing.tell(READY);
  const member = await Member.join(point, () => {}, new AbortController().signal, platform);
  if (member === undefined) throw new Error("the owner was not there");
  return {
    sharing,
    member,
    carried,
    [Symbol.dispose]() {
      for (const socket of carried) socket.destroy();
      member[Symbol.dispose]();
      sharing.close();
    },
  };
}

describe("a stream that a member dials", () => {
  test.each(SYSTEMS)(
    "comes in by a socket that nobody else can use, which is gone once it is dialled, %s",
    async (_, platform) => {
      using dir = tempDir();
      using it = await joined(pointIn(dir.path), platform);
      const modes: number[] = [];
      const socket = await dialStream(
        pointIn(dir.path),
        async (address) => {
          const { address: path } = await it.member.listen(address);
          modes.push(statSync(path).mode & 0o777);
        },
        platform,
      );
      expect(modes).toEqual([0o600]);
      expect(readdirSync(dir.path)).toEqual(["control"]);
      socket.destroy();
    },
  );

  test.each(SYSTEMS)(
    "fails as the owner does who cannot listen for it, and the next one is carried, %s",
    async (_, platform) => {
      using dir = tempDir();
      const point = pointIn(dir.path);
      using it = await joined(point, platform);
      const misplaced = { ...point, streamPrefix: join(dir.path, "missing", "s") };
      const dialling = dialStream(misplaced, (address) => it.member.listen(address), platform);
      await expect(within("a refusal", dialling, 2_000)).rejects.toMatchObject({
        code: platform.isWindows ? "ERR_CONFIG" : "ERR_LISTEN",
        message: expect.stringMatching(/no such (file or )?directory/),
      });
      const { socket } = await within("a stream", it.member.dial(), 2_000);
      expect(readdirSync(dir.path)).toEqual(["control"]);
      socket.destroy();
    },
  );

  test.each(SYSTEMS)("fails with the owner that closes after it has listened, %s", async (_, platform) => {
    using dir = tempDir();
    const point = pointIn(dir.path);
    using it = await joined(point, platform);
    const dialling = dialStream(
      point,
      async (address) => {
        await it.member.listen(address);
        it.sharing.close();
      },
      platform,
    );
    await expect(within("an end", dialling, 2_000)).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(it.carried).toEqual([]);
    expect(readdirSync(dir.path)).toEqual([]);
  });

  test.each(SYSTEMS)(
    "comes to an end with the owner that closes, at whatever moment, and leaves no socket behind, %s",
    async (_, platform) => {
      using dir = tempDir();
      const point = pointIn(dir.path);
      const lastWords = { type: "failed", code: "ERR_REPLACED", message: "somebody took it" } as const;
      for (let turns = 0; turns < 60; turns += 1) {
        using it = await joined(point, platform);
        const dialling = it.member.dial().then(
          ({ socket }) => void socket.destroy(),
          (error) => error.code,
        );
        for (let at = 0; at < turns % 20; at += 1) await turn();
        it.sharing.close(lastWords);
        const code = await within("an end", dialling, 2_000);
        expect([undefined, "ERR_REPLACED", "ERR_UNREACHABLE"]).toContain(code);
        await waitFor("the last socket to go", () => readdirSync(dir.path).length === 0);
      }
    },
  );
});
