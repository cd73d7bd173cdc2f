import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Option } from "../../../../src/cli/config/option.ts";
import { OPTIONS } from "../../../../src/cli/config/options.ts";
import { runChild } from "../../../../src/cli/process/child.ts";
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
