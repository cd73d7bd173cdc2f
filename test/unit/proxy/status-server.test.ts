import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { UnreachableError } from "../../../src/base/errors.ts";
import { ProxyRecord } from "../../../src/proxy/facts.ts";
import {
  MAX_LISTED_CONNECTIONS,
  MAX_RECENT_EVENTS,
  type ProcessStatus,
  StatusBoard,
} from "../../../src/proxy/status.ts";
import { StatusServer } from "../../../src/proxy/status-server.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { waitFor, within } from "../../helpers/wait.ts";

const PID = 4711;

function board(): StatusBoard {
  return new StatusBoard({ pid: PID, command: "proxy source" }, () => 1_000);
}

async function published(snapshot: () => ProcessStatus) {
  const dir = tempDir();
  const directory = join(dir.path, "run");
  const server = await StatusServer.listen(directory, PID, snapshot);
  const path = join(directory, `${PID}.sock`);
  return {
    directory,
    path,
    server,
    watch: () => connect(path),
    [Symbol.dispose]() {
      server.close();
      dir[Symbol.dispose]();
    },
  };
}

/** The first `count` lines that a watcher reads. */
async function lines(socket: Socket, count: number): Promise<ProcessStatus[]> {
  const found: ProcessStatus[] = [];
  for await (const line of createInterface({ input: socket })) {
    found.push(JSON.parse(line));
    if (found.length === count) break;
  }
  socket.destroy();
  return found;
}

describe("a status socket", () => {
  test("is the user's alone and goes with its process", async () => {
    using status = await published(() => board().snapshot());
    expect(statSync(status.directory).mode & 0o777).toBe(0o700);
    expect(statSync(status.path).mode & 0o777).toBe(0o600);
    status.server.close();
    await waitFor("its removal", () => !existsSync(status.path));
  });

  test("tells at once, and again while somebody watches", async () => {
    let asked = 0;
    using status = await published(() => {
      asked += 1;
      return board().snapshot();
    });
    expect(asked).toBe(0);
    const [first, second] = await within("two lines", lines(status.watch(), 2));
    expect(first).toEqual({
      version: 1,
      pid: PID,
      command: "proxy source",
      startedAt: 1_000,
      sessions: [],
      recent: [],
    });
    expect(second).toEqual(first as ProcessStatus);
  });

  test("takes nothing from a watcher", async () => {
    using status = await published(() => board().snapshot());
    const socket = status.watch();
    socket.write("close everything\n");
    socket.resume();
    await within("the end", once(socket, "close"));
  });

  test("takes eight watchers at once and drops who reads nothing", async () => {
    const big = { ...board().snapshot(), command: "x".repeat(300_000) };
    using status = await published(() => big);
    const sockets = Array.from({ length: 9 }, () => status.watch());
    const closed = sockets.map((socket) =>
      once(
        socket.on("error", () => {}),
        "close",
      ),
    );
    sockets[8]?.resume();
    await within("the ninth's end", closed[8] as Promise<unknown>);
    // The first eight never read: each is dropped once more waits for it than a slow reader may leave.
    const ninth = await waitFor("room", async () => {
      const socket = status.watch();
      const [line] = await Promise.race([lines(socket, 1), once(socket, "close").then(() => [])]);
      return line;
    });
    expect(ninth.pid).toBe(PID);
    for (const socket of sockets) socket.destroy();
  });

  test("left by a process that is gone is removed by the next, and one in use is not", async () => {
    using dir = tempDir();
    const [alive, other] = [join(dir.path, "2.sock"), join(dir.path, "notes.txt")];
    writeFileSync(other, "");
    const running = createServer();
    await once(running.listen(alive), "listening");
    await leaveStale(dir.path);
    const [stale] = readdirSync(dir.path).filter((name) => /^(?!2\.)\d+\.sock$/.test(name));
    expect(stale).toBeDefined();
    // Its process runs: it may be about to listen.
    const starting = `${process.pid}.sock`;
    renameSync(join(dir.path, stale ?? ""), join(dir.path, starting));
    await leaveStale(dir.path);
    const server = await StatusServer.listen(dir.path, PID, () => board().snapshot());
    expect(readdirSync(dir.path).sort()).toEqual(["2.sock", `${PID}.sock`, starting, "notes.txt"].sort());
    server.close();
    running.close();
  });
});

/** A socket whose process ended without removing it. */
async function leaveStale(directory: string): Promise<void> {
  const path = `${JSON.stringify(directory)} + "/" + process.pid + ".sock"`;
  const code = `require("net").createServer().listen(${path}, () => process.kill(process.pid, "SIGKILL"))`;
  const { spawn } = await import("node:child_process");
  await once(spawn("node", ["-e", code]), "exit");
}

describe("a board", () => {
  test("shows what its proxies are, and bounds what it lists", () => {
    const status = board();
    const record = new ProxyRecord();
    status.open({ id: "one", mode: "source", services: ["SSH"] }, record);
    const session = () => status.snapshot().sessions[0];
    expect(session()).toMatchObject({ link: "connecting", services: ["SSH"], reconnects: 0, queuedBytes: 0 });
    record.observe({ event: "connected", channelId: "", services: ["SSH", "VNC"] });
    record.observe({
      event: "disconnected",
      reason: "gone",
      retryInMs: 500,
      heldConnections: 0,
      error: new UnreachableError("gone"),
    });
    expect(session()).toMatchObject({ link: "disconnected", services: ["SSH", "VNC"] });
    record.observe({ event: "connected", channelId: "", services: ["SSH"] });
    expect(session()).toMatchObject({ link: "connected", reconnects: 1 });
    const connection = { connectionId: 2, service: "SSH", openedAt: 0, bytesToTunnel: 1, bytesFromTunnel: 2 };
    const connections = Array.from({ length: 300 }, () => connection);
    status.open({ id: "one", mode: "source", services: [] }, { facts: { ...record.facts, connections } });
    expect(session()).toMatchObject({ openConnections: 300 });
    expect(session()?.connections).toHaveLength(MAX_LISTED_CONNECTIONS);
  });

  test("forgets closed sessions and all but the last events", () => {
    const status = board();
    status.open({ id: "one", mode: "source", services: [] }, new ProxyRecord());
    status.close("one");
    for (let event = 1; event <= 1_000; event += 1) status.say(`event ${event}`);
    const { sessions, recent } = status.snapshot();
    expect(sessions).toEqual([]);
    expect(recent).toHaveLength(MAX_RECENT_EVENTS);
    expect(recent.at(-1)).toEqual({ number: 1_000, at: 1_000, text: "event 1000" });
  });
});
