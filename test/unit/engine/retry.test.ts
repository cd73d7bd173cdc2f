import { describe, expect, test } from "bun:test";
import { HandshakeError, UnreachableError } from "../../../src/base/errors.ts";
import { isFinalRefusal, saysTunnelEnded } from "../../../src/engine/retry.ts";

function refusal(status: number, statusReason: string, channelId?: string): HandshakeError {
  return new HandshakeError("refused", { status, statusReason, channelId });
}

describe("isFinalRefusal", () => {
  const rows: readonly (readonly [verdict: boolean, title: string, error: HandshakeError])[] = [
    [true, "a 403 with a channel id", refusal(403, "", "c-1")],
    [
      true,
      "a spent token without a channel id",
      refusal(400, "Invalid access token: The access token was previously used and can not be used again."),
    ],
    [true, "an unknown token", refusal(403, "Invalid access-token")],
    [
      true,
      "a client token of another",
      refusal(400, "Invalid client token: The provided client token does not match"),
    ],
    [true, "a closed tunnel", refusal(400, "Tunnel is closed")],
    [false, "a captive portal", refusal(403, "<html>Please log in</html>")],
    [false, "a 429, even from the service", refusal(429, "slow down", "c-1")],
    [false, "a 408", refusal(408, "", "c-1")],
    [false, "a 425", refusal(425, "", "c-1")],
    [false, "a 503", refusal(503, "Tunnel is closed", "c-1")],
    [false, "a redirect", refusal(302, "", "c-1")],
  ];
  test.each(rows)("says %s of %s (P7)", (verdict, _title, error) => {
    expect(isFinalRefusal(error)).toBe(verdict);
  });

  test("says false of any other error", () => {
    expect(isFinalRefusal(new UnreachableError("no route"))).toBe(false);
  });
});

describe("saysTunnelEnded", () => {
  test.each([
    [true, "Tunnel is closed"],
    [true, "tunnel has expired"],
    [true, "Tunnel is expired"],
    [true, "Tunnel is deleted"],
    [false, "The access token was rotated"],
    [false, ""],
  ])("says %s of %j (P8)", (verdict, reason) => {
    expect(saysTunnelEnded(reason)).toBe(verdict);
  });
});
