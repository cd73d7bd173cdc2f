import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { POSIX, WINDOWS } from "../../../../src/base/platform.ts";
import type { Option } from "../../../../src/cli/config/option.ts";
import { OPTIONS } from "../../../../src/cli/config/options.ts";
import { runChild, withoutSecrets } from "../../../../src/cli/process/child.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

test("a command gets no variable of a secret option, and every other", async () => {
  using dir = tempDir();
  const out = join(dir.path, "env");
  const secrets = Object.values<Option<unknown>>(OPTIONS)
    .filter(({ secret }) => secret)
    .flatMap(({ env }) => env ?? []);
  expect(secrets).toContain("TUNNEL_MQTT_BROKER");
  expect(secrets).toContain("AWSIOT_TUNNEL_ACCESS_TOKEN");
  const given = Object.fromEntries(secrets.map((name) => [name, "OUR-SECRET"]));
  const env = { PATH: process.env["PATH"], ...given, BUN_BE_BUN: "1", AWS_PROFILE: "dev" };
  expect(await runChild(["sh", "-c", `env > '${out}'`], env, new AbortController().signal)).toBe(0);
  const handedDown = readFileSync(out, "utf8");
  expect(handedDown).toContain("AWS_PROFILE=dev");
  expect(handedDown).not.toMatch(/OUR-SECRET|BUN_BE_BUN/);
});

test("on Windows a secret's name counts in whatever case", () => {
  const env = { Awsiot_Tunnel_Access_Token: "OUR-SECRET", Bun_Be_Bun: "1", Path: "C:\\" };
  expect(withoutSecrets(env, WINDOWS)).toEqual({ Path: "C:\\" });
  expect(withoutSecrets(env, POSIX)).toEqual(env);
});
