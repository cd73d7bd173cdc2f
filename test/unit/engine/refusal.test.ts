import { describe, expect, test } from "bun:test";
import {
  isLastWord,
  judgeRefusal,
  type RefusalMeaning,
  saysTunnelEnded,
} from "../../../src/engine/refusal.ts";

const SPENT = "Invalid access token: The access token was previously used and can not be used again.";

describe("judgeRefusal (P7)", () => {
  const rows: readonly (readonly [
    meaning: RefusalMeaning,
    status: number,
    statusReason: string,
    channelId: string | undefined,
  ])[] = [
    ["tunnel-over", 400, "Tunnel is closed", undefined],
    ["tunnel-over", 403, "Tunnel has expired", "c-1"],
    ["tunnel-over", 404, "The tunnel is deleted", undefined],
    ["token-spent", 400, SPENT, undefined],
    ["token-spent", 400, SPENT.replace("can not", "cannot"), "c-1"],
    ["token-unknown", 403, "Invalid access-token", undefined],
    ["token-unknown", 403, " Invalid access token.\n", "c-1"],
    [
      "refused",
      400,
      "Invalid client token: The provided client token does not match the client token",
      undefined,
    ],
    [
      "refused",
      400,
      "Invalid access token: The access token was issued for local-proxy-mode source.",
      undefined,
    ],
    ["refused", 400, "None of the subprotocols was offered", "c-1"],
    ["refused", 403, "", "c-1"],
    ["busy", 429, "slow down", "c-1"],
    ["busy", 408, "", "c-1"],
    ["busy", 425, "", "c-1"],
    ["busy", 503, "Tunnel is closed", "c-1"],
    ["busy", 500, "<html>", undefined],
    ["foreign", 302, "", "c-1"],
    ["foreign", 200, "<html>Welcome</html>", undefined],
    ["foreign", 404, "Not Found", undefined],
    ["foreign", 400, "", undefined],
    ["foreign", 403, "<html>Please log in</html>", undefined],
    ["foreign", 403, "<html>The VPN tunnel is closed. Invalid access token</html>", undefined],
  ];
  test.each(rows)("%s: %d %j %p", (meaning, status, statusReason, channelId) => {
    expect(judgeRefusal({ status, statusReason, channelId })).toBe(meaning);
    expect(isLastWord(meaning)).toBe(!["busy", "foreign"].includes(meaning));
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
