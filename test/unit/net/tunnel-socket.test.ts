// The handshake of the data plane with services that answer by halves, in somebody else's way, or not at all.
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { HandshakeError, type TunnelError, UnreachableError } from "../../../src/base/errors.ts";
import { AccessToken } from "../../../src/base/secret.ts";
import { dialTunnel, type TunnelSocketOptions } from "../../../src/net/tunnel-socket.ts";
import { drip, type RawService, startRawService } from "../../helpers/raw-service.ts";
import { startTcpServer } from "../../helpers/servers.ts";
import { waitFor, within } from "../../helpers/wait.ts";

/** For services that are waited for in vain. */
const SHORT = { slowMs: 50, wholeMs: 400 };

function dial(port: number, more: Partial<TunnelSocketOptions> = {}) {
  return dialTunnel({
    host: "localhost",
    port,
    mode: "source",
    accessToken: new AccessToken("token"),
    userAgent: "test",
    limits: { slowMs: 3_000, wholeMs: 4_000 },
    signal: new AbortController().signal,
    ...more,
  });
}

async function failureOf(attempt: Promise<unknown>): Promise<TunnelError> {
  return await within(
    "the end of the handshake",
    attempt.then(
      () => {
        throw new Error("it did not fail");
      },
      (error) => error,
    ),
    5_000,
  );
}

function* letters(text: string): Iterable<string> {
  yield* text;
  for (;;) yield "x";
}

describe("without an answer in time it has failed, and whoever waits was told before", () => {
  const services: readonly (readonly [title: string, onRequest: (socket: Socket) => void])[] = [
    ["that says nothing", () => {}],
    ["that drips its status line", (socket) => drip(socket, letters("HTTP/1.1 503 "))],
    ["that drips the headers of its 101", (socket) => drip(socket, letters("HTTP/1.1 101 OK\r\nX: "))],
    ["that has no end of headers", (socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n")],
  ];
  test.each(services)("of a service %s", async (_title, onRequest) => {
    await using service = await startRawService(onRequest);
    const told: string[] = [];
    const error = await failureOf(
      dial(service.port, { ca: [service.ca], limits: SHORT, onSlow: (message) => told.push(message) }),
    );
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toBe(`no answer from localhost:${service.port} in 0.4 s`);
    expect(told).toEqual([`no answer yet from localhost:${service.port}; it has 0.35 s left`]);
    await letGo(service);
  });

  test("of a server that takes the connection and begins no TLS", async () => {
    await using silent = await startTcpServer(() => {});
    const error = await failureOf(dial(silent.port, { limits: SHORT }));
    expect(error.message).toBe(`no answer from localhost:${silent.port} in 0.4 s`);
  });

  test("of a web proxy that stays silent: both are named", async () => {
    await using silent = await startTcpServer(() => {});
    const webProxy = new URL(`http://127.0.0.1:${silent.port}`);
    const told: string[] = [];
    const onSlow = (message: string) => told.push(message);
    const error = await failureOf(dial(443, { host: "data.example.test", webProxy, limits: SHORT, onSlow }));
    expect(error.message).toBe(
      `no answer from data.example.test:443 through the web proxy 127.0.0.1:${silent.port} in 0.4 s`,
    );
    expect(told).toHaveLength(1);
  });
});

describe("a refusal that does not end has said what came so far", () => {
  const SENTENCE = "Invalid access token: The access token was previously used and can not be used again.";
  const HEAD = "HTTP/1.1 400 Bad Request\r\nchannel-id: c-1\r\n";
  const services: readonly (readonly [title: string, onRequest: (socket: Socket) => void])[] = [
    ["left open", (socket) => void socket.write(`${HEAD}Content-Length: 5000\r\n\r\n${SENTENCE}`)],
    ["left open without a length", (socket) => void socket.write(`${HEAD}\r\n${SENTENCE}`)],
    [
      "that drips on",
      (socket) => {
        socket.write(`${HEAD}Content-Length: 5000\r\n\r\n${SENTENCE} `);
        drip(socket, letters(""));
      },
    ],
  ];
  test.each(services)("one %s", async (_title, onRequest) => {
    await using service = await startRawService(onRequest);
    const error = await failureOf(dial(service.port, { ca: [service.ca] }));
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ status: 400, channelId: "c-1" });
    expect(error.message).toContain(SENTENCE);
    await letGo(service);
  });

  test("one that is endless is read up to a bound", async () => {
    await using service = await startRawService((socket) => {
      socket.write(`HTTP/1.1 503 Busy\r\nContent-Length: 100000000\r\n\r\n${"y".repeat(100_000)}`);
    });
    const error = await failureOf(dial(service.port, { ca: [service.ca] }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message.length).toBeLessThan(5_000);
    await letGo(service);
  });
});

describe("only the service's last word is a refusal", () => {
  test.each([
    [400, "channel-id: c\r\n", "", true],
    [403, "", "Invalid access-token", true],
    [302, "Location: https://portal.example.test/\r\n", "", false],
    [200, "", "<html>Welcome</html>", false],
    [404, "", "Not Found", false],
    [403, "", "<html>Please log in</html>", false],
    [429, "channel-id: c\r\n", "slow down", false],
    [503, "channel-id: c\r\n", "", false],
  ])("%d %j %j: %p", async (status, headers, body, isRefusal) => {
    await using service = await startRawService((socket) =>
      socket.end(`HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`),
    );
    const error = await failureOf(dial(service.port, { ca: [service.ca] }));
    expect(error.constructor).toBe(isRefusal ? HandshakeError : UnreachableError);
    expect(error.message).toContain(`status ${status}`);
    if (!isRefusal) expect(error.hint).toBeDefined();
  });
});

describe("a service that does not go after the end is left at once", () => {
  const WORD = Buffer.from("word");
  const services: readonly (readonly [title: string, code: number, last: Buffer])[] = [
    ["a text frame", 1006, Buffer.concat([Buffer.from([0x81, WORD.length]), WORD])],
    ["a frame against the rules", 1006, Buffer.from([0xf2, 0x00])],
    ["a close frame of its own", 1001, Buffer.from([0x88, 0x02, 0x03, 0xe9])],
  ];
  test.each(services)("after %s", async (_title, expected, last) => {
    await using service = await startRawService((socket, head) => {
      upgrade(socket, head);
      socket.write(last);
    });
    const closed = Promise.withResolvers<number>();
    const socket = await dial(service.port, { ca: [service.ca] });
    const none = () => {};
    socket.handle({ onBytes: none, onPong: none, onPing: none, onSent: none, onClose: closed.resolve });
    expect(await within("its end", closed.promise, 2_000)).toBe(expected);
    await letGo(service);
  });
});

test("a service's ping is told of", async () => {
  await using service = await startRawService((socket, head) => {
    upgrade(socket, head);
    socket.write(Buffer.from([0x89, 0x00]));
  });
  const pinged = Promise.withResolvers<void>();
  const socket = await dial(service.port, { ca: [service.ca] });
  const none = () => {};
  socket.handle({ onBytes: none, onPong: none, onPing: pinged.resolve, onSent: none, onClose: none });
  await within("the ping", pinged.promise, 2_000);
  socket.terminate();
});

test("a stop ends it at once", async () => {
  await using service = await startRawService(() => {});
  const stop = new AbortController();
  const attempt = dial(service.port, { ca: [service.ca], signal: stop.signal });
  attempt.catch(() => {});
  await waitFor("the connection", () => service.accepted > 0);
  stop.abort();
  await within(
    "its end",
    attempt.catch(() => {}),
    300,
  );
  await letGo(service);
});

/** Answers the request for a WebSocket. */
function upgrade(socket: Socket, head: string): void {
  const [, key] = /sec-websocket-key: (\S+)/i.exec(head) ?? [];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const headers = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0",
  ];
  socket.write(`HTTP/1.1 101 Yes\r\n${headers.join("\r\n")}\r\n\r\n`);
}

async function letGo(service: RawService): Promise<void> {
  await waitFor("the end of the connection", () => service.open === 0);
}
