// Connections through the real program that outlive the service, a rotation of both tokens, and the patience of nobody:
// somebody types every 200 ms, and a transfer runs up and down, all the while.
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessStatus, SessionStatus } from "../../src/proxy/status.ts";
import { AgentProcess, openTunnel } from "../helpers/agents.ts";
import { dialLocal } from "../helpers/proxies.ts";
import { lastingServeLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { startSshd } from "../helpers/sshd.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { waitFor, within } from "../helpers/wait.ts";

setDefaultTimeout(120_000);

const THING = "pump-7";
/** Several attempts to reconnect and to resume, on a busy machine. */
const COMEBACK_MS = 60_000;
const TYPING_MS = 200;
const CHUNK = randomBytes(64 * 1024);

interface Options {
  /** Who is the device. */
  readonly device?: "agent" | "proxy";
  readonly deviceArgs?: readonly string[];
  /** Who is the operator. */
  readonly operator?: "proxy" | "connect";
  readonly operatorArgs?: readonly string[];
}

/** An operator's port to a service that echoes, with the service in between, which can be killed and started again. */
async function joinEnds({
  device = "agent",
  deviceArgs = [],
  operator = "proxy",
  operatorArgs = [],
}: Options) {
  const stack = new AsyncDisposableStack();
  const [state, runtime] = [stack.use(tempDir()), stack.use(tempDir())];
  const env = { XDG_STATE_HOME: state.path, XDG_RUNTIME_DIR: runtime.path };
  const service = stack.use(await lastingServeLocal());
  const { local, kill, restart } = service;
  const served: Socket[] = [];
  const echo = stack.use(
    await startTcpServer((socket) => {
      served.push(socket);
      socket.pipe(socket);
    }),
  );
  const address = `127.0.0.1:${echo.port}`;
  const isAgent = device === "agent";
  const agent = isAgent
    ? stack.use(new AgentProcess([...local, "--thing", THING, "--map", `SSH=${address}`, ...deviceArgs]))
    : undefined;
  await agent?.waitFor("subscribed");
  const tunnelId =
    operator === "proxy" ? (await openTunnel(service, THING, ["SSH"], env)).tunnelId : undefined;
  if (!isAgent) {
    const words = ["proxy", "destination", "-d", `SSH=${address}`, ...local, ...deviceArgs];
    stack.use(startTunnel(words, env));
  }
  const words =
    operator === "proxy" ? ["proxy", "source"] : ["connect", "--thing", THING, "--service", "SSH"];
  const source = stack.use(startTunnel([...words, "-p", "SSH=0", ...local, ...operatorArgs], env));
  const [, port] = await source.waitForLine(/listening.*?(\d+)\}?$/);
  return {
    source,
    agent,
    /** The device's ends of the connections. */
    served,
    tunnelId,
    local,
    /** What the source publishes, as soon as a session is as wanted. */
    status: (isWanted: (session: SessionStatus) => boolean) =>
      statusOf(join(runtime.path, "tunnel", `${source.pid}.sock`), isWanted),
    dial: () => dialLocal(Number(port)),
    run: (...command: readonly string[]) => runTunnel([...command, ...local], env),
    kill,
    restart,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function statusOf(
  path: string,
  isWanted: (session: SessionStatus) => boolean,
): Promise<SessionStatus | undefined> {
  const socket = connect(path);
  try {
    const lines = createInterface({ input: socket });
    for await (const line of lines) {
      const { sessions } = JSON.parse(line) as ProcessStatus;
      const found = sessions.find(isWanted);
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** Somebody at a shell that echoes: a numbered line every 200 ms, each of which comes back once and in order. */
function type(socket: Socket) {
  let [typed, echoed] = ["", ""];
  let failure: Error | undefined;
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("data", (bytes) => {
    echoed += bytes;
  });
  const timer = setInterval(() => {
    const line = `line ${typed.length}\n`;
    typed += line;
    socket.write(line);
  }, TYPING_MS);
  return {
    /** What is typed from now on has come back. */
    async isAnswered(): Promise<void> {
      const length = typed.length + 1;
      await waitFor("the echo of what was typed", () => failure ?? echoed.length >= length, COMEBACK_MS);
      if (failure !== undefined) throw failure;
    },
    async end(): Promise<void> {
      clearInterval(timer);
      socket.end();
      if (!socket.closed) await within("the end of a shell", once(socket, "close"), COMEBACK_MS);
      expect(failure).toBeUndefined();
      expect(echoed).toBe(typed);
    },
  };
}

/** A transfer up, and down again, until it is told that this was enough. */
function transfer(socket: Socket) {
  const [sent, received] = [createHash("sha256"), createHash("sha256")];
  const counts = { sent: 0, received: 0 };
  let isEnough = false;
  socket.on("data", (bytes: Buffer) => {
    received.update(bytes);
    counts.received += bytes.length;
  });
  const up = (async () => {
    for (let index = 0; !isEnough; index += 1) {
      const chunk = Buffer.from(CHUNK);
      chunk.writeUInt32BE(index);
      sent.update(chunk);
      counts.sent += chunk.length;
      if (!socket.write(chunk)) await once(socket, "drain");
      await sleep(1);
    }
    socket.end();
  })();
  up.catch(() => {}); // awaited at the end
  return {
    /** So many bytes more than now have come back. */
    async moves(bytes: number): Promise<void> {
      const wanted = counts.received + bytes;
      await waitFor("a transfer to go on", () => counts.received >= wanted, COMEBACK_MS);
    },
    async end(): Promise<void> {
      isEnough = true;
      await within("the end of an upload", up, COMEBACK_MS);
      if (!socket.closed) await within("the end of a transfer", once(socket, "close"), COMEBACK_MS);
      expect(counts.received).toBe(counts.sent);
      expect(received.digest("hex")).toBe(sent.digest("hex"));
    },
  };
}

/** Does something to two connections in use, which must not notice. */
async function unnoticed(
  ends: Awaited<ReturnType<typeof joinEnds>>,
  disturb: () => Promise<unknown>,
): Promise<void> {
  const [shell, file] = [type(await ends.dial()), transfer(await ends.dial())];
  await shell.isAnswered();
  await file.moves(1024 * 1024);
  await disturb();
  await ends.source.waitForLine(
    /SSH: resumed: 2 connections after [\d.]+ s, nothing lost/,
    "stderr",
    COMEBACK_MS,
  );
  await shell.isAnswered();
  await file.moves(1024 * 1024);
  await Promise.all([shell.end(), file.end()]);
}

async function killAndRestart({
  source,
  kill,
  restart,
}: Awaited<ReturnType<typeof joinEnds>>): Promise<void> {
  await kill();
  await source.waitForLine(/held: 2 connections, the link is down: .* \(next try in [\d.]+ s\)/, "stderr");
  await restart();
}

test("a service that is killed and started again: proxy and agent", async () => {
  await using ends = await joinEnds({});
  await unnoticed(ends, () => killAndRestart(ends));
  expect(ends.agent?.told("connections-resumed")).toMatchObject([{ service: "SSH", connections: 2 }]);
  await ends.source.stop();
  await ends.agent?.stop();
  expect(ends.agent?.told("session-ended")).toMatchObject([{ connections: 2, held: 2, resumed: 2 }]);
});

test("a service that is killed and started again: connect and agent", async () => {
  await using ends = await joinEnds({ operator: "connect" });
  await unnoticed(ends, () => killAndRestart(ends));
});

test("a service that is killed and started again: two proxies", async () => {
  await using ends = await joinEnds({ device: "proxy" });
  await unnoticed(ends, () => killAndRestart(ends));
});

const goingOn = /the access token was replaced: going on with the newer one that is kept for this tunnel/;

async function rotate({ tunnelId = "", source, run }: Awaited<ReturnType<typeof joinEnds>>): Promise<void> {
  const { code, stderr } = await run("rotate", tunnelId, "--mode", "all");
  expect({ code, stderr }).toMatchObject({ code: 0 });
  await source.waitForLine(goingOn, "stderr");
}

test("a service that is killed and started again: a login by tunnel ssh", async () => {
  await using stack = new AsyncDisposableStack();
  const sshd = stack.use(await startSshd());
  const service = stack.use(await lastingServeLocal());
  const state = stack.use(tempDir());
  const env = { XDG_STATE_HOME: state.path, XDG_RUNTIME_DIR: state.path, HOME: state.path, SHELL: "/bin/sh" };
  const words = ["--thing", THING, "--map", `SSH=${sshd.port}`];
  const agent = stack.use(new AgentProcess([...service.local, ...words]));
  await agent.waitFor("subscribed");
  const login = [`${sshd.user}@${THING}`, ...sshd.clientOptions, "cat"];
  const ssh = stack.use(startTunnel(["ssh", ...service.local, ...login], env));
  ssh.send("before\n");
  await ssh.waitForLine(/^before$/);
  await service.kill();
  await ssh.waitForLine(/held: 1 connection, the link is down/, "stderr");
  ssh.send("meanwhile\n");
  await service.restart();
  await ssh.waitForLine(/^meanwhile$/, "stdout", COMEBACK_MS);
  await ssh.waitForLine(/SSH: resumed: 1 connection after/, "stderr");
  ssh.send("after\n");
  await ssh.waitForLine(/^after$/);
  ssh.send();
  expect(await ssh.exited).toEqual({ code: 0, signal: null });
  expect(ssh.stdout).toBe("before\nmeanwhile\nafter");
});

test("scripts and watchers are told what is held, and how far it is to the other end", async () => {
  await using ends = await joinEnds({ operatorArgs: ["--json"] });
  const shell = type(await ends.dial());
  await shell.isAnswered();
  const before = await ends.status(({ endToEndMs }) => endToEndMs !== undefined);
  expect(before).toMatchObject({ link: "connected", openConnections: 1, heldConnections: 0 });
  await ends.kill();
  const held = await ends.status(({ heldConnections }) => heldConnections === 1);
  expect(held).toMatchObject({ link: "disconnected", openConnections: 1, connections: [{ isHeld: true }] });
  await ends.restart();
  await ends.source.waitForLine(/"connections-resumed"/, "stdout", COMEBACK_MS);
  await ends.status(({ link, heldConnections }) => link === "connected" && heldConnections === 0);
  await shell.end();
  const told = ends.source.lines.stdout.map((line) => JSON.parse(line));
  expect(told.slice(1)).toMatchObject([
    { event: "connections-held", service: "SSH", connections: 1, isLinkDown: true },
    { event: "connections-resumed", service: "SSH", connections: 1, afterMs: expect.any(Number) },
  ]);
});

test("the source's token is rotated beside a connect", async () => {
  await using ends = await joinEnds({ operator: "connect" });
  const { stdout } = await ends.run("list", "--json");
  const [{ tunnelId }] = JSON.parse(stdout).tunnelSummaries;
  await unnoticed(ends, () => rotate({ ...ends, tunnelId }));
  await ends.source.stop();
  expect(ends.source.stderr).toContain(`closed tunnel ${tunnelId}`);
});

test("both tokens are rotated beside a proxy and an agent, twice", async () => {
  await using ends = await joinEnds({});
  await unnoticed(ends, () => rotate(ends));
  const shell = type(await ends.dial());
  await shell.isAnswered();
  await rotate(ends);
  await shell.isAnswered();
  await shell.end();
  expect(ends.agent?.told("session-ended").map(({ reason }) => reason)).toEqual(["replaced", "replaced"]);
});

test("both tokens are rotated beside two proxies", async () => {
  await using ends = await joinEnds({ device: "proxy" });
  await unnoticed(ends, () => rotate(ends));
});

test("both tokens are rotated while the link is down", async () => {
  await using ends = await joinEnds({});
  await unnoticed(ends, async () => {
    await killAndRestart(ends);
    await ends.agent?.waitFor("subscribed", 1); // a notification before that is lost
    await rotate(ends);
  });
});

/** A connection in use; then the service goes for good. */
async function lose(ends: Awaited<ReturnType<typeof joinEnds>>): Promise<string> {
  const socket = await ends.dial();
  socket.write("hello");
  await once(socket, "data");
  const failed = once(socket, "error");
  await ends.kill();
  const [error] = await within("a reset", failed, 20_000);
  return error.code;
}

const nobodyCame = /SSH: lost: 1 connection, \S/;

test("whoever does not come back within --resume-timeout is given up: RST, and a line that says so", async () => {
  await using ends = await joinEnds({ operatorArgs: ["--resume-timeout", "2s"] });
  const startedAt = performance.now();
  expect(await lose(ends)).toBe("ECONNRESET");
  expect(performance.now() - startedAt).toBeGreaterThan(2_000);
  await ends.source.waitForLine(nobodyCame, "stderr");
  // Not one for each of the tries that were made meanwhile: somebody may have an editor on that terminal.
  expect(ends.source.stderr.match(/held: 1 connection, the link is down/g)).toHaveLength(2);
});

test("nothing is held at the device of a tunnel that is over", async () => {
  await using ends = await joinEnds({});
  const socket = await ends.dial();
  socket.on("error", () => {}); // its proxy is killed
  socket.write("hello");
  await once(socket, "data");
  const [atDevice] = ends.served;
  const gone = new Promise((resolve) => atDevice?.once("close", resolve).on("error", () => {}));
  await ends.source.kill();
  await ends.agent?.waitFor("connections-held");
  await ends.run("close", ends.tunnelId ?? "");
  await within("the end at the device", gone);
  await ends.agent?.waitFor("session-ended");
  expect(ends.agent?.told("session-ended")).toMatchObject([{ reason: "tunnel-closed", held: 1, resumed: 0 }]);
});

async function endsAtOnce(operatorArgs: readonly string[], deviceArgs: readonly string[] = []) {
  await using ends = await joinEnds({ operatorArgs, deviceArgs });
  expect(await lose(ends)).toBe("ECONNRESET");
  expect(ends.source.stderr).not.toContain("held");
}

test("--continuity off: a lost link takes its connections with it", async () => {
  await endsAtOnce(["--continuity", "off"]);
});

test("--continuity off at the device counts for the operator too", async () => {
  await endsAtOnce([], ["--continuity", "off"]);
});

test("--resume-timeout off: nothing is held", async () => {
  await endsAtOnce(["--resume-timeout", "off"]);
});

test("a rotation whose tokens are kept elsewhere ends the proxy as ever", async () => {
  await using ends = await joinEnds({});
  using elsewhere = tempDir();
  const { tunnelId = "" } = ends;
  const { code } = await runTunnel(["rotate", tunnelId, "--mode", "source", ...ends.local], {
    XDG_STATE_HOME: elsewhere.path,
  });
  expect(code).toBe(0);
  expect((await within("the end", ends.source.exited, 20_000)).code).toBe(77);
});
