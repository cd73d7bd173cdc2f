import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AccessToken } from "../../../src/base/secret.ts";
import { newerToken, openTokenStore } from "../../../src/operator/user-tokens.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const TUNNEL = { tunnelId: "t-1", mode: "source" } as const;
const FACTS = {
  region: "eu-west-1",
  expiresAt: new Date(Date.now() + 3_600_000),
  issuer: { type: "remote" },
} as const;

function tokenOf(text: string): AccessToken {
  return new AccessToken(text);
}

test("a newer token is one of the same side of the same tunnel, and not the one in use", () => {
  using dir = tempDir();
  const env = { XDG_STATE_HOME: dir.path };
  const store = openTokenStore(env);
  const inUse = { ...TUNNEL, accessToken: tokenOf("one") };
  expect(newerToken(inUse, env)).toBeUndefined();
  store.save({ ...TUNNEL, ...FACTS, accessToken: tokenOf("one") });
  store.save({ tunnelId: "t-1", mode: "destination", ...FACTS, accessToken: tokenOf("other side") });
  store.save({ tunnelId: "t-2", mode: "source", ...FACTS, accessToken: tokenOf("other tunnel") });
  expect(newerToken(inUse, env)).toBeUndefined();
  store.save({ ...TUNNEL, ...FACTS, accessToken: tokenOf("two") });
  const newer = newerToken(inUse, env);
  expect(newer?.accessToken.reveal()).toBe("two");
  expect(newerToken({ ...TUNNEL, accessToken: tokenOf("two") }, env)).toBeUndefined();
});

test("where nothing can be read, nothing is newer", () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "file"), "");
  const env = { XDG_STATE_HOME: join(dir.path, "file") };
  expect(newerToken({ ...TUNNEL, accessToken: tokenOf("one") }, env)).toBeUndefined();
});
