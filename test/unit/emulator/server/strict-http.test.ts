import { describe, expect, test } from "bun:test";
import type { RunningEmulator } from "../../../../src/emulator/server/serve.ts";
import { sendRaw, startEmulator } from "../../../helpers/emulator.ts";
import { within } from "../../../helpers/wait.ts";

/** Lines of a handshake, in which tests change some. */
interface Lines {
  readonly first?: string;
  readonly host?: string;
  readonly upgrade?: string;
  readonly key?: string;
  readonly version?: string;
  readonly protocol?: string;
  readonly more?: string;
  readonly body?: string;
}

const FIRST = "GET /tunnel?local-proxy-mode=source HTTP/1.1";
const PROTOCOL = "aws.iot.securetunneling-3.0";
const CLIENT_TOKEN = "0123456789abcdef0123456789abcdef";

function handshake(accessToken: string, lines: Lines = {}): string {
  const { first = FIRST, host = "Host: localhost", upgrade = "Upgrade: websocket", more, body = "" } = lines;
  const { key = "dGhlIHNhbXBsZSBub25jZQ==", version = "13", protocol = PROTOCOL } = lines;
  return [
    first,
    host,
    upgrade,
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Version: ${version}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    `access-token: ${accessToken}`,
    ...(more === undefined ? [] : [more]),
    "",
    body,
  ].join("\r\n");
}

async function statusOf(emulator: RunningEmulator, bytes: string): Promise<string> {
  return (await within("an answer", sendRaw(emulator, bytes))).slice(9, 12);
}

describe("a handshake that is refused leaves the tokens as they were (P2)", () => {
  const refused: readonly (readonly [title: string, lines: Lines, status: string])[] = [
    ["a POST", { first: FIRST.replace("GET", "POST") }, "405"],
    ["a HEAD", { first: FIRST.replace("GET", "HEAD") }, "405"],
    ["HTTP/1.0", { first: FIRST.replace("1.1", "1.0") }, "505"],
    ["an absolute target", { first: FIRST.replace("/tunnel", "https://localhost/tunnel") }, "400"],
    ["a target that begins like an authority", { first: FIRST.replace("/tunnel", "//evil/tunnel") }, "400"],
    ["a fragment", { first: FIRST.replace("source ", "source#x ") }, "400"],
    ["a path to be normalised", { first: FIRST.replace("/tunnel", "/x/../tunnel") }, "400"],
    ["no Host", { host: "X-Nothing: 1" }, "400"],
    ["two Hosts", { host: "Host: localhost\r\nHost: localhost" }, "400"],
    ["a foreign Host", { host: "Host: attacker.example" }, "421"],
    ["a body", { more: "Content-Length: 3", body: "abc" }, "400"],
    ["a chunked body", { more: "Transfer-Encoding: chunked", body: "0\r\n\r\n" }, "400"],
    ["a folded header", { more: "X-Long: a\r\n b" }, "400"],
    ["a subprotocol list with a hole", { protocol: `${PROTOCOL},,x` }, "400"],
    ["a subprotocol list with an open end", { protocol: `${PROTOCOL},` }, "400"],
    ["a subprotocol that is no token", { protocol: `${PROTOCOL}, a b` }, "400"],
    ["a subprotocol given twice", { protocol: `${PROTOCOL}, ${PROTOCOL}` }, "400"],
    ["a subprotocol twice in two headers", { more: `Sec-WebSocket-Protocol: ${PROTOCOL}` }, "400"],
    ["an unknown subprotocol", { protocol: "aws.iot.securetunneling-4.0" }, "400"],
    ["no key", { key: "" }, "400"],
    ["a short key", { key: "AAAA" }, "400"],
    ["two keys", { more: "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" }, "400"],
    ["version 8", { version: "8" }, "400"],
    ["two versions", { more: "Sec-WebSocket-Version: 13" }, "400"],
    ["another protocol", { upgrade: "Upgrade: h2c" }, "400"],
    ["two protocols to upgrade to", { upgrade: "Upgrade: websocket, h2c" }, "400"],
    ["no upgrade", { upgrade: "X-Nothing: 1" }, "400"],
    ["the other side's mode", { first: FIRST.replace("source", "destination") }, "400"],
    ["a short client token", { more: "client-token: abc" }, "400"],
    ["two access tokens", { more: "access-token: x" }, "400"],
    ["4,096 bytes", { more: `X-Long: ${"x".repeat(4_000)}` }, "400"],
  ];

  test("whatever is wrong with it", async () => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.tunnels.open({});
    const token = tokens.source.reveal();
    for (const [title, lines, status] of refused) {
      expect([title, await statusOf(emulator, handshake(token, lines))]).toEqual([title, status]);
    }
    // Had one of them bound another client token, or spent the token, this would be refused.
    const good = handshake(token, { more: `client-token: ${CLIENT_TOKEN}` });
    expect(await statusOf(emulator, good)).toBe("101");
    expect(await statusOf(emulator, handshake(token))).toBe("400");
    expect(await statusOf(emulator, good)).toBe("101");
  });

  test("and says why under a channel id", async () => {
    await using emulator = await startEmulator();
    const token = emulator.tunnels.open({}).tokens.source.reveal();
    const answer = await sendRaw(emulator, handshake(token, { first: FIRST.replace("GET", "POST") }));
    expect(answer).toMatch(
      /\r\nchannel-id: [0-9a-f-]+\r\nx-status-reason: A WebSocket handshake is a GET\r\n/,
    );
    expect(answer).toEndWith("A WebSocket handshake is a GET");
  });
});

describe("the control plane", () => {
  test.each([
    ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"],
    ["OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "400|403"],
    ["GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", "505"],
    ["GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "400"],
    ["GET /healthz HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n", "421"],
    ["GET /healthz HTTP/1.1\r\n\r\n", "400"],
    ["GET https://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"],
    ["GET //healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"],
    ["POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "400"],
    [
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "400",
    ],
  ])("takes strict HTTP only: %j", async (request, status) => {
    await using emulator = await startEmulator();
    expect(await statusOf(emulator, request)).toMatch(new RegExp(`^(${status})$`));
  });

  test("ends a CONNECT: it is no web proxy", async () => {
    await using emulator = await startEmulator();
    const answer = sendRaw(emulator, "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(await within("the end", answer)).not.toContain(" 200 ");
  });
});
