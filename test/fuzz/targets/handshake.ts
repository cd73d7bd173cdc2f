import { readHandshake } from "../../../src/emulator/relay/handshake.ts";
import { CLIENT_TOKEN_PATTERN, MAX_HANDSHAKE_BYTES, SUBPROTOCOLS } from "../../../src/protocol/constants.ts";
import { must, type Target, text, textOf } from "../target.ts";

const CLIENT_TOKEN = "00000000-0000-4000-8000-000000000000";
const COMMON = [
  "host: localhost:8444",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
];

function request(url: string, ...lines: readonly string[]): string {
  return [url, ...COMMON, ...lines].join("\n");
}

/** An upgrade request: the URL, then a header a line. */
export const handshake: Target = {
  name: "handshake",
  examples: text(
    request(
      "/tunnel?local-proxy-mode=source",
      "access-token: t",
      `client-token: ${CLIENT_TOKEN}`,
      `sec-websocket-protocol: ${SUBPROTOCOLS.join(", ")}`,
    ),
    request(
      "/tunnel?local-proxy-mode=destination",
      "Cookie: a=b; awsiot-tunnel-token=t",
      "Origin: https://localhost:8444",
      `Sec-WebSocket-Protocol: ${SUBPROTOCOLS[1]}`,
    ),
  ),
  words: text(
    ...[
      "/tunnel",
      "//",
      "/../",
      "?local-proxy-mode=source",
      "&local-proxy-mode=destination",
      "%2f",
      "#",
      "http://[",
      "@",
    ],
    ...[
      "\naccess-token: x",
      "\nAccess-Token: ",
      "\nclient-token: ",
      "\ncookie: awsiot-tunnel-token=",
      "; ",
      "\norigin: ",
    ],
    ...[
      "\nsec-websocket-protocol: ",
      ...SUBPROTOCOLS,
      ", ",
      "https://x.test",
      "\nupgrade: ",
      "websocket",
      CLIENT_TOKEN,
    ],
  ),
  maxLength: 20_000,
  suiteRuns: 200_000,
  run(input) {
    const [written = "", ...lines] = textOf(input).split("\n");
    // HTTP has no control characters here; a URL is read as if they were not there.
    const url = written.replace(/[\t\r]/g, "");
    const rawHeaders = lines.flatMap((line) => {
      const at = line.indexOf(":");
      return at < 1 ? [] : [line.slice(0, at), line.slice(at + 1).trim()];
    });
    const read = readHandshake({ url, rawHeaders }, ["https://x.test"]);
    if (read.type === "refused") {
      must([400, 403].includes(read.status) && read.reason.length < 200, "a refusal that says nothing known");
      return;
    }
    must(url.length + rawHeaders.join("").length <= MAX_HANDSHAKE_BYTES, "a request that is too long");
    must(read.accessToken !== "" && input.length > 0, "no access token");
    must(read.clientToken === undefined || CLIENT_TOKEN_PATTERN.test(read.clientToken), "a bad client token");
    must((SUBPROTOCOLS as readonly string[]).includes(read.subprotocol), "an unknown subprotocol");
    must(url.includes(`=${read.side}`) || url.includes("%"), "a side that was not asked for");
    const tokens = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "access-token");
    must(tokens.length <= 1, "two access tokens");
    checkOrigin(rawHeaders);
  },
};

/** A cookie counts from our own pages and the allowed ones only. */
function checkOrigin(rawHeaders: readonly string[]): void {
  const values = (name: string) =>
    rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
  if (values("access-token").length > 0) return;
  const hosts = values("host").map((host) => `https://${host}`);
  for (const origin of values("origin")) {
    must(origin === "https://x.test" || hosts.includes(origin), "a cookie from a strange page");
  }
}
