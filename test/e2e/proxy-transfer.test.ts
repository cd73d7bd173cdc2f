import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { ProxyOptions } from "../../src/proxy/options.ts";
import { startPair } from "../helpers/pair.ts";
import { dialLocal, readAll } from "../helpers/proxies.ts";
import { startHttpServer, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { within } from "../helpers/wait.ts";

test("bytes go both ways and come back the same", async () => {
  await using echo = await startTcpServer();
  await using pair = await startPair(`ECHO=127.0.0.1:${echo.port}`);
  const sent = randomBytes(3_000_000);
  const socket = await dialLocal(await pair.source.portOf("ECHO"));
  socket.end(sent);
  expect((await readAll(socket)).equals(sent)).toBe(true);
});

test("an application that stops sending still gets the answer", async () => {
  await using slow = await startTcpServer((socket) => {
    socket.once("data", () => setTimeout(() => socket.end("answer"), 100));
  });
  await using pair = await startPair(`SLOW=127.0.0.1:${slow.port}`);
  const socket = await dialLocal(await pair.source.portOf("SLOW"));
  socket.end("question");
  expect((await readAll(socket)).toString()).toBe("answer");
});

test("what a server wrote before it closed arrives, all of it", async () => {
  const page = randomBytes(2_000_000);
  await using server = await startTcpServer((socket) => socket.end(page));
  await using pair = await startPair(`PAGE=127.0.0.1:${server.port}`);
  const socket = await dialLocal(await pair.source.portOf("PAGE"));
  expect((await readAll(socket)).equals(page)).toBe(true);
  socket.destroy();
});

test("three services on one tunnel, a Unix socket at either end among them", async () => {
  using dir = tempDir();
  await using one = await startTcpServer((socket) => socket.end("one"));
  await using two = await startTcpServer((socket) => socket.end("two"));
  const unix = join(dir.path, "listen.sock");
  await using pair = await startPair(`ONE=127.0.0.1:${one.port},TWO=127.0.0.1:${two.port}`, {
    listen: `ONE=0,TWO=${unix}`,
  });
  expect((await readAll(await dialLocal(await pair.source.portOf("ONE")))).toString()).toBe("one");
  await pair.source.waitFor("listening", (event) => event.service === "TWO");
  expect((await readAll(connect({ path: unix, allowHalfOpen: true }))).toString()).toBe("two");
  await using back = await startPair(`BACK=${unix}`);
  expect((await readAll(await dialLocal(await back.source.portOf("BACK")))).toString()).toBe("two");
});

test("six requests at once to a web server", async () => {
  const page = "x".repeat(300_000);
  await using web = await startHttpServer((_request, response) => void response.end(page));
  await using pair = await startPair(`WEB=127.0.0.1:${web.port}`);
  const url = `http://127.0.0.1:${await pair.source.portOf("WEB")}/`;
  const pages = await Promise.all(Array.from({ length: 6 }, async () => (await fetch(url)).text()));
  expect(pages.every((got) => got === page)).toBe(true);
});

test("a thousand connections are open at once, each with its own bytes", async () => {
  await using echo = await startTcpServer();
  await using pair = await startPair(`ECHO=127.0.0.1:${echo.port}`);
  const port = await pair.source.portOf("ECHO");
  const sockets = await Promise.all(Array.from({ length: 1_000 }, () => dialLocal(port)));
  const echoed = sockets.map(async (socket, index) => {
    socket.write(`${index}\n`);
    const [answer] = await once(socket, "data");
    return String(answer);
  });
  expect(await Promise.all(echoed)).toEqual(sockets.map((_, index) => `${index}\n`));
  for (const socket of sockets) socket.destroy();
}, 60_000);

test("a refused destination ends that connection and says why, and the next one is tried anew", async () => {
  const echo = await startTcpServer();
  await using pair = await startPair(`ECHO=127.0.0.1:${echo.port}`);
  const port = await pair.source.portOf("ECHO");
  await echo[Symbol.asyncDispose]();
  expect((await readAll(await dialLocal(port))).length).toBe(0);
  const closed = await pair.destination.waitFor("connection-closed");
  expect(closed.reason).toContain("ECONNREFUSED");
  expect((await readAll(await dialLocal(port))).length).toBe(0);
});

test.each<["destroy" | "end", string, Partial<ProxyOptions>]>([
  ["destroy", "all the time to a connection that was cut", {}],
  ["end", "after the end that its server made", { lingerMs: 100 }],
])(
  "(%s) an application that goes on writing %s learns that nobody hears it",
  async (how, _when, destination) => {
    await using server = await startTcpServer((socket) => void socket.once("data", () => socket[how]()));
    await using pair = await startPair(`BRIEF=127.0.0.1:${server.port}`, { destination });
    const socket = await dialLocal(await pair.source.portOf("BRIEF"));
    const failed = new Promise((resolve) => socket.once("error", resolve));
    const chunk = Buffer.alloc(64 * 1024);
    const write = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("data", () => {});
    socket.write("hello");
    // Until the linger time is over, which begins anew with every byte, such a server might read what comes.
    if (how === "end") await within("the end", once(socket, "end"));
    socket.on("drain", write);
    write();
    expect(await within("a broken connection", failed)).toMatchObject({
      code: expect.stringMatching(/ECONNRESET|EPIPE/),
    });
  },
);
