import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { TokenUse } from "../../../../src/emulator/store/store.ts";
import { createAccessToken, hashToken, judgeToken } from "../../../../src/emulator/tunnels/tokens.ts";

describe("an access token", () => {
  test("is 512 characters of base64url with padding that begin like the service's", () => {
    expect(createAccessToken(randomBytes)).toMatch(/^AQGAAX[A-Za-z0-9_-]{504}==$/);
  });

  test("differs from every other", () => {
    const tokens = Array.from({ length: 100 }, () => createAccessToken(randomBytes));
    expect(new Set(tokens).size).toBe(100);
  });

  test("has no character that is special in a header or a cookie, whatever the random bytes", () => {
    const token = createAccessToken((count) => new Uint8Array(count).fill(0xff));
    expect(token).toMatch(/^[A-Za-z0-9_=-]+$/);
  });

  test("is kept as the SHA-256 of its text", () => {
    expect(hashToken("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("the token rules", () => {
  const one = hashToken("client-token-one");
  const other = hashToken("client-token-other");
  const reused = "Invalid access token: The access token was previously used and can not be used again.";
  const differs =
    "Invalid client token: The provided client token does not match the client token that was previously set.";

  const rows: [string, TokenUse, string | undefined, TokenUse | string][] = [
    ["a first use without client token spends it", { type: "unused" }, undefined, { type: "spent" }],
    ["a first use binds the client token", { type: "unused" }, one, { type: "bound", clientTokenHash: one }],
    ["a second use without client token is refused", { type: "spent" }, undefined, reused],
    ["a spent token cannot be saved by a client token", { type: "spent" }, one, reused],
    [
      "the bound client token may come again",
      { type: "bound", clientTokenHash: one },
      one,
      { type: "bound", clientTokenHash: one },
    ],
    ["another client token is refused", { type: "bound", clientTokenHash: one }, other, differs],
    [
      "a bound token without its client token is refused",
      { type: "bound", clientTokenHash: one },
      undefined,
      reused,
    ],
  ];
  test.each(rows)("%s", (_title, use, clientTokenHash, expected) => {
    const verdict = judgeToken({ tokenHash: "", tunnelId: "", mode: "source", use }, clientTokenHash);
    expect(verdict).toEqual(
      typeof expected === "string"
        ? { type: "refused", reason: expected }
        : { type: "accepted", use: expected },
    );
  });
});
