import { describe, expect, test } from "bun:test";
import { HandshakeError, ReplacedError, UnreachableError } from "../../../../src/base/errors.ts";
import { type RefusedFacts, withRefusalHint } from "../../../../src/cli/print/refusal-hint.ts";

const FACTS: RefusedFacts = {
  mode: "source",
  tunnelId: "t-1",
  region: "eu-west-1",
  localWords: "",
  serveLocal: undefined,
};

const LOCAL = { localWords: " --local", serveLocal: "tunnel serve-local" };

function refusal(statusReason: string): HandshakeError {
  return new HandshakeError(`refused: ${statusReason}`, { status: 400, statusReason, channelId: "c" });
}

describe("every refusal has a hint", () => {
  test.each([
    [
      "Invalid access token: The access token was previously used and can not be used again.",
      {},
      "tunnel rotate t-1 --mode source",
    ],
    [
      "Invalid access token: The access token was previously used and can not be used again.",
      { tunnelId: undefined, mode: "destination", ...LOCAL },
      "tunnel rotate ID --mode destination --local",
    ],
    [
      "Invalid access token: The access token was issued for local-proxy-mode destination.",
      {},
      "this token is for the other side: tunnel proxy destination -d SSH=localhost:22",
    ],
    [
      "Invalid access token: The access token was issued for local-proxy-mode source.",
      { mode: "destination", ...LOCAL },
      "this token is for the other side: tunnel proxy source -p SSH=2222 --local",
    ],
    ["Tunnel is closed", {}, "a tunnel that is over does not come back: tunnel open --service SSH"],
    [
      "Tunnel has expired",
      LOCAL,
      "a tunnel that is over does not come back: tunnel open --service SSH --local",
    ],
    [
      "Invalid client token: The provided client token does not match the client token that was previously set.",
      {},
      "give the --client-token it was first used with, or get a new access token: tunnel rotate t-1 --mode source",
    ],
    [
      "Invalid client token: The provided client token is already in use with another access token.",
      {},
      "leave --client-token (AWSIOT_TUNNEL_CLIENT_TOKEN) out: every access token gets one of its own",
    ],
    [
      "Invalid access-token",
      {},
      "is the tunnel in eu-west-1, and the endpoint right? check --region and --proxy-endpoint; tunnel list shows what is open, and a token that was replaced needs: tunnel rotate t-1 --mode source",
    ],
    [
      "Invalid access-token",
      LOCAL,
      "this serve-local takes its own tokens only; tunnel list --local shows what is open, and a token that was replaced needs: tunnel rotate t-1 --mode source --local",
    ],
  ] as const)("%s %o", (sentence, facts, hint) => {
    const error = withRefusalHint(refusal(sentence), { ...FACTS, ...facts });
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ message: `refused: ${sentence}`, hint, status: 400, channelId: "c" });
  });
});

test("a handshake without an answer has one too, and keeps its cause", () => {
  const cause = new Error("timed out");
  const error = new UnreachableError("cannot reach host:443: timed out", { cause });
  expect(withRefusalHint(error, FACTS)).toMatchObject({
    message: error.message,
    hint: "check --region, --proxy-endpoint and HTTPS_PROXY, or ask: tunnel doctor",
    cause,
  });
  expect(withRefusalHint(error, { ...FACTS, ...LOCAL })).toMatchObject({ hint: "tunnel serve-local" });
});

test("other failures, and those that have a hint, stay as they are", () => {
  for (const error of [
    new ReplacedError("replaced"),
    new UnreachableError("no", { hint: "try" }),
    new Error("a bug"),
  ]) {
    expect(withRefusalHint(error, FACTS)).toBe(error);
  }
});
