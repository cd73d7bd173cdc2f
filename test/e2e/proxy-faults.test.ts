import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { connect as connectTls } from "node:tls";
import { AccessToken, ClientToken } from "../../src/base/secret.ts";
import { startPair } from "../helpers/pair.ts";
import { dialLocal, failureOf, startEmulator, startProxy } from "../helpers/proxies.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { waitFor, within } from "../helpers/wait.ts";
import { Wire } from "../helpers/wire.ts";

async function exchange(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = await within("an echo", once(socket, "data"));
  return String(answer);
}

/** How a socket ended, with what it read on the way dropped. */
async function endOf(socket: Socket): Promise<"end" | "reset"> {
  socket.resume();
  const { promise, resolve } = Promise.withResolvers<"end" | "reset">();
  socket.once("end", () => resolve("end"));
  socket.once("error", () => resolve("reset"));
  return within("the end of a socket", promise);
}

test("a dead link is noticed after two and a half keep-alive periods, its listener stays and carries again", async () => {
  await using echo = await startTcpServer();
  await using emulator = await startEmulator();
  await using wire = await Wire.to(emulator.port);
  const { tokens } = emulator.open(["ECHO"]);
  await using destination = startProxy(
    emulator,
    "destination",
    tokens.destination,
    `ECHO=127.0.0.1:${echo.port}`,
  );
  await destination.waitFor("connected");
  await using source = startProxy({ ...emulator, port: wire.port }, "source", tokens.source, "ECHO=0", {
    keepaliveMs: 200,
  });
  const port = await source.portOf("ECHO");
  const before = await dialLocal(port);
  expect(await exchange(before, "hello")).toBe("hello");
  wire.freeze();
  const frozenAt = performance.now();
  const lost = await source.waitFor("disconnected");
  expect(lost.reason).toContain("silent");
  // The period is 200 ms; the upper bound leaves a slow machine three seconds.
  expect(performance.now() - frozenAt).toBeGreaterThan(250);
  expect(performance.now() - frozenAt).toBeLessThan(3_500);
  expect(await endOf(before)).toBe("reset");
  wire.thaw();
  const parked = await dialLocal(port);
  expect(await exchange(parked, "again")).toBe("again");
  parked.destroy();
}, 30_000);

test("a link that is cut comes back with the same access token, and connections on it end with RST", async () => {
  await using echo = await startTcpServer();
  await using emulator = await startEmulator();
  await using wire = await Wire.to(emulator.port);
  const { tokens } = emulator.open(["ECHO"]);
  const bad = { ...emulator, port: wire.port };
  await using destination = startProxy(bad, "destination", tokens.destination, `ECHO=127.0.0.1:${echo.port}`);
  await destination.waitFor("connected");
  await using source = startProxy(bad, "source", tokens.source, "ECHO=0");
  const port = await source.portOf("ECHO");
  for (let round = 1; round <= 3; round += 1) {
    const socket = await dialLocal(port);
    expect(await exchange(socket, `round ${round}`)).toBe(`round ${round}`);
    const ended = endOf(socket);
    wire.cut();
    expect(await ended).toBe("reset");
    for (const proxy of [source, destination]) {
      await proxy.waitFor(
        "connected",
        () => proxy.events.filter(({ event }) => event === "connected").length > round,
        20_000,
      );
    }
  }
}, 60_000);

test.each(["source", "destination"] as const)(
  "when the %s is lost, the other side's applications see RST",
  async (lost) => {
    const accepted = Promise.withResolvers<Socket>();
    await using app = await startTcpServer((socket) => {
      accepted.resolve(socket);
      socket.pipe(socket);
    });
    await using emulator = await startEmulator();
    await using wire = await Wire.to(emulator.port);
    const { tokens } = emulator.open(["ECHO"]);
    const over = (mode: string) => (mode === lost ? { ...emulator, port: wire.port } : emulator);
    const map = `ECHO=127.0.0.1:${app.port}`;
    await using destination = startProxy(over("destination"), "destination", tokens.destination, map);
    await destination.waitFor("connected");
    await using source = startProxy(over("source"), "source", tokens.source, "ECHO=0");
    const client = await dialLocal(await source.portOf("ECHO"));
    expect(await exchange(client, "hello")).toBe("hello");
    const ended = endOf(lost === "source" ? await accepted.promise : client);
    wire.cut();
    expect(await ended).toBe("reset");
    client.destroy();
  },
);

test("a destination that swallows connection attempts delays no neighbour", async () => {
  await using hole = await startBlackHole();
  await using echo = await startTcpServer();
  await using pair = await startPair(`HOLE=127.0.0.1:${hole.port},ECHO=127.0.0.1:${echo.port}`);
  const swallowed = await dialLocal(await pair.source.portOf("HOLE"));
  swallowed.write("is anybody there");
  await pair.destination.waitFor("connection-opened", ({ service }) => service === "HOLE");
  const startedAt = performance.now();
  const neighbour = await dialLocal(await pair.source.portOf("ECHO"));
  expect(await exchange(neighbour, "quick")).toBe("quick");
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  swallowed.destroy();
  neighbour.destroy();
});

test("the second proxy of a side takes it over, and the first one is told and does not come back", async () => {
  await using emulator = await startEmulator();
  const clientToken = new ClientToken(randomUUID());
  const { tokens } = emulator.open(["ECHO"]);
  await using first = startProxy(emulator, "source", tokens.source, "ECHO=0", { clientToken });
  await first.waitFor("connected");
  await using second = startProxy(emulator, "source", tokens.source, "ECHO=0", { clientToken });
  await second.waitFor("connected");
  expect(await failureOf(first.ended)).toMatchObject({ code: "ERR_REPLACED" });
});

test("a closed tunnel ends its proxies without error", async () => {
  await using pair = await startPair("ECHO=127.0.0.1:9");
  pair.emulator.running.tunnels.close(pair.tunnel.tunnelId, { isDeleted: false });
  expect(await pair.source.ended).toBe("tunnel-closed");
  expect(await pair.destination.ended).toBe("tunnel-closed");
});

test("a rotated access token ends the proxy that used it", async () => {
  await using pair = await startPair("ECHO=127.0.0.1:9");
  pair.emulator.running.tunnels.rotate({ tunnelId: pair.tunnel.tunnelId, modes: ["source"] });
  expect(await failureOf(pair.source.ended)).toMatchObject({ code: "ERR_REPLACED" });
  expect(pair.destination.events.some(({ event }) => event === "disconnected")).toBe(false);
});

test.each([
  ["an unknown access token", 403, (token: AccessToken) => new AccessToken(`${token.reveal()}x`), "source"],
  ["the access token of the other side", 400, (token: AccessToken) => token, "destination"],
] as const)("%s is refused with status %p and its reason", async (_name, status, token, mode) => {
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  await using proxy = startProxy(emulator, mode, token(tokens.source), "ECHO=9");
  expect(await failureOf(proxy.ended)).toMatchObject({ code: "ERR_HANDSHAKE_REJECTED", status });
});

test("an access token used without client token is spent after one connection", async () => {
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  await using first = startProxy(emulator, "source", tokens.source, "ECHO=0", { clientToken: undefined });
  await first.waitFor("connected");
  await using second = startProxy(emulator, "source", tokens.source, "ECHO=0", { clientToken: undefined });
  expect(await failureOf(second.ended)).toMatchObject({
    status: 400,
    message: expect.stringContaining("previously used"),
  });
});

test("services that do not match end the proxy, naming both sets", async () => {
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["SSH", "VNC"]);
  await using proxy = startProxy(emulator, "source", tokens.source, "SSH=0,WEB=0");
  expect(await failureOf(proxy.ended)).toMatchObject({
    code: "ERR_SERVICE_IDS_MISMATCH",
    message: expect.stringMatching(/VNC.*WEB/),
  });
});

test("a port that is taken ends the source with its address", async () => {
  await using taken = await startTcpServer();
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["SSH"]);
  await using proxy = startProxy(emulator, "source", tokens.source, `SSH=${taken.port}`);
  expect(await failureOf(proxy.ended)).toMatchObject({
    code: "ERR_LISTEN",
    message: expect.stringContaining(String(taken.port)),
  });
});

test("a certificate that is not trusted ends the proxy at once", async () => {
  await using emulator = await startEmulator();
  await using stranger = await startEmulator();
  const { tokens } = emulator.open(["SSH"]);
  await using proxy = startProxy({ ...emulator, ca: stranger.ca }, "source", tokens.source, "SSH=0");
  expect(await failureOf(proxy.ended)).toMatchObject({
    code: "ERR_UNREACHABLE",
    hint: expect.stringContaining("--ca"),
  });
});

/** A port whose queue of new connections is full, so that the kernel answers no further attempt. */
async function startBlackHole(): Promise<{ readonly port: number } & AsyncDisposable> {
  const script = `
import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
held = []
for _ in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); held.append(c)
print(s.getsockname()[1], flush=True)
sys.stdin.read()`;
  const child = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await within("a black hole", once(createInterface({ input: child.stdout }), "line"));
  return {
    port: Number(line),
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}

test.each(["nohost.invalid", "999.0.0.1"])(
  "a listener on %s, which is nowhere, is told to name an address",
  async (host) => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    await using proxy = startProxy(emulator, "source", tokens.source, `SSH=${host}:0`);
    expect(await failureOf(proxy.ended)).toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringContaining(host),
    });
  },
);

test("an address that cannot be dialled from ends its connection and nothing else", async () => {
  await using echo = await startTcpServer();
  await using pair = await startPair(`ECHO=127.0.0.1:${echo.port}`, { destination: { bind: "localhost" } });
  const client = await dialLocal(await pair.source.portOf("ECHO"));
  expect(await endOf(client)).toBe("end");
  client.destroy();
  expect(pair.destination.events.some(({ event }) => event === "disconnected")).toBe(false);
});

test("a refused upgrade does not keep its socket, whatever the client does", async () => {
  await using emulator = await startEmulator();
  const { ca, host, port } = emulator;
  const raw = connect({ host, port, allowHalfOpen: true });
  const socket = connectTls({ socket: raw, host, ca: [ca] });
  const closed = within("the end of the socket", new Promise((resolve) => socket.once("close", resolve)));
  socket.write(
    "GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  socket.on("error", () => {}); // RST is an end too
  socket.resume();
  const writing = setInterval(() => socket.write("x"), 50);
  await closed;
  clearInterval(writing);
});

test("a web proxy that accepts and says nothing does not keep a stopped proxy", async () => {
  await using mute = await startTcpServer(() => {});
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  const { host, port, ca } = emulator;
  const webProxy = new URL(`http://127.0.0.1:${mute.port}`);
  const source = startProxy(emulator, "source", tokens.source, "ECHO=0", {
    dataPlane: { host, port, ca: [ca], webProxy },
  });
  await waitFor("the connection to the web proxy", () => mute.accepted > 0);
  await within("the stop of the proxy", source.stop(), 2_000);
});
