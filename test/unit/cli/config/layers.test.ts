import { describe, expect, test } from "bun:test";
import type { Env } from "../../../../src/base/env.ts";
import { ConfigError, UsageError } from "../../../../src/base/errors.ts";
import { resolveSettings } from "../../../../src/cli/config/layers.ts";
import { OPTIONS, type OptionKey } from "../../../../src/cli/config/options.ts";

function resolve(flags: Partial<Record<OptionKey, readonly string[]>>, env: Env = {}) {
  return resolveSettings(
    Object.keys(OPTIONS) as OptionKey[],
    new Map(Object.entries(flags) as [OptionKey, readonly string[]][]),
    env,
  );
}

describe("flags over environment over defaults", () => {
  test("each value knows where it came from", () => {
    const settings = resolve({ region: ["eu-west-1"] }, { AWS_REGION: "eu-west-2", AWS_PROFILE: "dev" });
    expect(settings.get("region")).toBe("eu-west-1");
    expect(settings.origin("region")).toEqual({ type: "flag", name: "--region" });
    expect(settings.fromFlag("region")).toBe("eu-west-1");
    expect(settings.get("profile")).toBe("dev");
    expect(settings.origin("profile")).toEqual({ type: "env", name: "AWS_PROFILE" });
    expect(settings.fromFlag("profile")).toBeUndefined();
    expect(settings.get("logLevel")).toBe("info");
    expect(settings.origin("logLevel")).toEqual({ type: "default" });
  });

  test("of several variables the first counts, and an empty one counts as unset", () => {
    const env = { AWS_REGION: "", AWS_DEFAULT_REGION: "eu-west-2", AWSIOT_TUNNEL_REGION: "eu-west-3" };
    expect(resolve({}, env).get("region")).toBe("eu-west-2");
  });

  test("of a flag given twice the last counts, of a repeatable one all", () => {
    const settings = resolve({ thing: ["a", "b"], service: ["SSH", "VNC"] });
    expect(settings.get("thing")).toBe("b");
    expect(settings.get("service")).toEqual(["SSH", "VNC"]);
    expect(resolve({}).get("service")).toEqual([]);
  });

  test("an option the command does not declare cannot be asked for", () => {
    expect(() => resolveSettings(["json"], new Map(), {}).get("region")).toThrow(TypeError);
  });
});

describe("TUNNEL_LOCAL", () => {
  test.each([
    ["1", { stateDir: undefined }],
    ["true", { stateDir: undefined }],
    ["/state", { stateDir: "/state" }],
    ["./state", { stateDir: "./state" }],
    ["0", undefined],
    ["no", undefined],
    ["", undefined],
  ])("%p", (text, expected) => {
    expect(resolve({}, { TUNNEL_LOCAL: text }).get("local")).toEqual(expected);
  });

  test("anything else is refused", () => {
    expect(() => resolve({}, { TUNNEL_LOCAL: "state" })).toThrow('local "state" (from TUNNEL_LOCAL)');
  });
});

describe("a bad value names its origin", () => {
  test.each([
    [{ region: ["a.test/"] }, {}, UsageError, 'region "a.test/" (from --region): not the name of a region'],
    [
      { region: ["eu-wst"] },
      {},
      ConfigError,
      'region "eu-wst" (from --region): not the name of a region that exists; did you mean eu-west-1?',
    ],
    [
      {},
      { AWS_REGION: "eu-wst" },
      ConfigError,
      'region "eu-wst" (from AWS_REGION): not the name of a region',
    ],
    [{ logLevel: ["loud"] }, {}, UsageError, 'log-level "loud" (from --log-level): must be error, warn'],
    [
      {},
      { TUNNEL_LOG_FORMAT: "xml" },
      ConfigError,
      'log-format "xml" (from TUNNEL_LOG_FORMAT): must be text or json',
    ],
    [{ service: ["SSH", "a b"] }, {}, UsageError, 'service "SSH" "a b" (from --service): 1 to 128'],
    [{ profile: [""] }, {}, UsageError, 'profile "" (from --profile): empty'],
    [{ thing: ["\u001b[1m"] }, {}, UsageError, 'thing "\\u001b[1m" (from --thing)'],
  ])("%o %o", (flags, env, type, message) => {
    expect(() => resolve(flags, env)).toThrow(type);
    expect(() => resolve(flags, env)).toThrow(message);
  });

  test("a secret is not repeated", () => {
    const env = { AWSIOT_TUNNEL_ACCESS_TOKEN: "two SECRET words" };
    expect(() => resolve({}, env)).toThrow(
      "access-token (from AWSIOT_TUNNEL_ACCESS_TOKEN): not an access token",
    );
    expect(() => resolve({}, env)).not.toThrow("SECRET");
  });
});

test("flags and short names are unique, and every option is described", () => {
  const options = Object.values(OPTIONS);
  const names = options.flatMap((option) => [
    option.flag,
    ...("short" in option && option.short ? [option.short] : []),
  ]);
  expect(names.length).toBe(new Set(names).size);
  for (const { flag, describe: text, arity, placeholder } of options) {
    expect([flag, text.length > 10, (placeholder === undefined) === (arity === "switch")]).toEqual([
      flag,
      true,
      true,
    ]);
  }
});
