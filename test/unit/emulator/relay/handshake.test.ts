import { describe, expect, test } from "bun:test";
import { readHandshake } from "../../../../src/emulator/relay/handshake.ts";

const URL_OF_SOURCE = "/tunnel?local-proxy-mode=source";
const PLAIN = {
  Host: "localhost:8443",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const PROTOCOL = { "Sec-WebSocket-Protocol": "aws.iot.securetunneling-3.0" };
const TOKEN = { "access-token": "abc" };
const COOKIE = { Cookie: "a=b; awsiot-tunnel-token=xyz" };
const CLIENT_TOKEN = "0123456789abcdef0123456789abcdef";

type Headers = Readonly<Record<string, string>>;

/** What becomes of a request: the status and the first words of a refusal, or what was read. */
function verdict(
  url: string,
  headers: Headers,
  more: readonly string[] = [],
  origins: readonly string[] = [],
): string {
  const rawHeaders = [...Object.entries({ ...PLAIN, ...headers }).flat(), ...more];
  const handshake = readHandshake({ url, rawHeaders }, origins);
  if (handshake.type === "refused") return `${handshake.status} ${handshake.reason}`;
  return [
    handshake.side,
    handshake.accessToken,
    handshake.clientToken ?? "-",
    handshake.subprotocol.slice(-3),
  ].join(" ");
}

describe("readHandshake takes", () => {
  const rows: readonly (readonly [title: string, url: string, headers: Headers, expected: string])[] = [
    ["a source", URL_OF_SOURCE, { ...TOKEN, ...PROTOCOL }, "source abc - 3.0"],
    [
      "a destination",
      "/tunnel?local-proxy-mode=destination",
      { ...TOKEN, ...PROTOCOL },
      "destination abc - 3.0",
    ],
    ["a cookie", URL_OF_SOURCE, { ...COOKIE, ...PROTOCOL }, "source xyz - 3.0"],
    [
      "a cookie of its own origin",
      URL_OF_SOURCE,
      { ...COOKIE, ...PROTOCOL, Origin: "https://localhost:8443" },
      "source xyz - 3.0",
    ],
    [
      "a client token",
      URL_OF_SOURCE,
      { ...TOKEN, ...PROTOCOL, "Client-Token": CLIENT_TOKEN },
      `source abc ${CLIENT_TOKEN} 3.0`,
    ],
    ["another query parameter", `${URL_OF_SOURCE}&x=1`, { ...TOKEN, ...PROTOCOL }, "source abc - 3.0"],
    [
      "the newest subprotocol offered",
      URL_OF_SOURCE,
      { ...TOKEN, "sec-websocket-protocol": "aws.iot.securetunneling-1.0, aws.iot.securetunneling-2.0" },
      "source abc - 2.0",
    ],
  ];
  test.each(rows)("%s", (_title, url, headers, expected) => {
    expect(verdict(url, headers)).toBe(expected);
  });

  test("a cookie from an origin allowed by name", () => {
    const headers = { ...COOKIE, ...PROTOCOL, Origin: "https://console.example" };
    expect(verdict(URL_OF_SOURCE, headers, [], ["https://console.example"])).toBe("source xyz - 3.0");
  });
});

describe("readHandshake refuses", () => {
  const good = { ...TOKEN, ...PROTOCOL };
  const rows: readonly (readonly [
    rule: string,
    title: string,
    url: string,
    headers: Headers,
    more: readonly string[],
    expected: string,
  ])[] = [
    ["P1", "another path", "/?local-proxy-mode=source", good, [], "400 The path must be"],
    ["P1", "a target that is no URL", "//", good, [], "400 The path must be"],
    ["P1", "an absolute target that is no URL", "http://[", good, [], "400 The path must be"],
    ["P1", "no mode", "/tunnel", good, [], "400 local-proxy-mode"],
    ["P1", "an unknown mode", "/tunnel?local-proxy-mode=both", good, [], "400 local-proxy-mode"],
    ["P1", "two modes", `${URL_OF_SOURCE}&local-proxy-mode=source`, good, [], "400 local-proxy-mode"],
    ["P2", "no token", URL_OF_SOURCE, PROTOCOL, [], "400 Invalid access token"],
    [
      "P2",
      "an empty token",
      URL_OF_SOURCE,
      { ...PROTOCOL, "access-token": "" },
      [],
      "400 Invalid access token",
    ],
    ["P2", "two tokens", URL_OF_SOURCE, good, ["Access-Token", "def"], "400 Invalid access token"],
    ["P2", "a token and a cookie", URL_OF_SOURCE, { ...good, ...COOKIE }, [], "400 Invalid access token"],
    [
      "P2",
      "a cookie of a foreign origin",
      URL_OF_SOURCE,
      { ...COOKIE, ...PROTOCOL, Origin: "https://evil.example" },
      [],
      "403 A cookie",
    ],
    [
      "P3",
      "a short client token",
      URL_OF_SOURCE,
      { ...good, "client-token": "abc" },
      [],
      "400 Invalid client token",
    ],
    [
      "P3",
      "two client tokens",
      URL_OF_SOURCE,
      { ...good, "client-token": CLIENT_TOKEN },
      ["client-token", CLIENT_TOKEN],
      "400 Invalid client token",
    ],
    [
      "P4",
      "more than 4,096 bytes",
      URL_OF_SOURCE,
      { ...good, "X-Long": "x".repeat(4_000) },
      [],
      "400 The request is longer",
    ],
    ["P5", "no subprotocol", URL_OF_SOURCE, TOKEN, [], "400 None of the subprotocols"],
    [
      "P5",
      "an unknown subprotocol",
      URL_OF_SOURCE,
      { ...TOKEN, "Sec-WebSocket-Protocol": "aws.iot.securetunneling-4.0" },
      [],
      "400 None of",
    ],
    [
      "P9",
      "another version of WebSocket",
      URL_OF_SOURCE,
      { ...good, "Sec-WebSocket-Version": "8" },
      [],
      "400 The request is no WebSocket",
    ],
    [
      "P9",
      "another protocol",
      URL_OF_SOURCE,
      { ...good, Upgrade: "h2c" },
      [],
      "400 The request is no WebSocket",
    ],
    [
      "P9",
      "no key",
      URL_OF_SOURCE,
      { ...good, "Sec-WebSocket-Key": "x" },
      [],
      "400 The request is no WebSocket",
    ],
  ];
  test.each(rows)("by %s: %s", (_rule, _title, url, headers, more, expected) => {
    expect(verdict(url, headers, more).slice(0, expected.length)).toBe(expected);
  });
});
