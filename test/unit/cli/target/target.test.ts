import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../../../../src/base/env.ts";
import { resolveSettings } from "../../../../src/cli/config/layers.ts";
import { GLOBAL_KEYS, type OptionKey } from "../../../../src/cli/config/options.ts";
import {
  controlPlaneOf,
  dataPlaneOf,
  regionOf,
  resolveTarget,
  type Target,
} from "../../../../src/cli/target/target.ts";
import type { CommandContext } from "../../../../src/cli/words/command.ts";
import { tally, testWithConformance } from "../../../helpers/conformance.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

/** No file of the user's is read. */
const NOWHERE = { AWS_CONFIG_FILE: "/nowhere/config", AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials" };

/** As the commands make it from their words and their environment. */
function targetOf(flags: Partial<Record<OptionKey, string>>, env: Env): Target {
  const words = Object.entries(flags).map(([key, text]) => [key as OptionKey, [text]] as const);
  const settings = resolveSettings(GLOBAL_KEYS, new Map(words), env);
  return resolveTarget({ settings, env } as CommandContext);
}

interface Case {
  readonly documentation: string;
  readonly params?: {
    readonly Region?: string;
    readonly Endpoint?: string;
    readonly UseFIPS?: boolean;
    readonly UseDualStack?: boolean;
  };
  readonly expect: { readonly endpoint?: { readonly url: string }; readonly error?: string };
}

describe("where the control plane is", () => {
  testWithConformance("all cases of AWS's own tools", "endpoints.json", (text) => {
    const { testCases } = JSON.parse(text) as { readonly testCases: readonly Case[] };
    const wrong = testCases.filter((each) => resolve(each) !== wanted(each));
    expect(wrong.map(({ documentation }) => documentation)).toEqual([]);
    expect(testCases).toHaveLength(71);
    tally("endpoints", testCases.length);
  });

  function resolve({ params = {} }: Case): string {
    const { Region: region, Endpoint: endpointUrl, UseFIPS, UseDualStack } = params;
    const flags = { ...(region && { region }), ...(endpointUrl && { endpointUrl }) };
    const env = {
      ...NOWHERE,
      AWS_USE_FIPS_ENDPOINT: String(UseFIPS ?? false),
      AWS_USE_DUALSTACK_ENDPOINT: String(UseDualStack ?? false),
    };
    try {
      const target = targetOf(flags, env);
      return controlPlaneOf(target, target.region).url.href;
    } catch (error) {
      return String(error);
    }
  }

  function wanted({ expect: { endpoint, error } }: Case): string {
    if (endpoint !== undefined) return new URL(endpoint.url).href;
    // What it is about is the same; the command says what to type.
    return `ConfigError: ${error?.endsWith("Missing Region") ? "no region given" : error}`;
  }

  const CONFIG = [
    "[default]",
    "region = eu-west-1",
    "[profile dual]",
    "region = eu-west-1",
    "use_dualstack_endpoint = TRUE",
    "[profile fips]",
    "region = fips-us-east-1",
    "[profile own]",
    "region = eu-west-1",
    "services = here",
    "endpoint_url = https://other.test",
    "[services here]",
    "iotsecuretunneling =",
    "  endpoint_url = https://tunneling.test",
    "[profile general]",
    "region = eu-west-1",
    "endpoint_url = https://general.test",
  ].join("\n");

  test.each([
    ["a profile's region", {}, {}, "eu-west-1", "https://api.tunneling.iot.eu-west-1.amazonaws.com/"],
    [
      "a profile's kind of host",
      { profile: "dual" },
      {},
      "eu-west-1",
      "https://api.iot-tunneling.eu-west-1.api.aws/",
    ],
    [
      "the variable over the profile",
      { profile: "dual" },
      { AWS_USE_DUALSTACK_ENDPOINT: "false" },
      "eu-west-1",
      "https://api.tunneling.iot.eu-west-1.amazonaws.com/",
    ],
    [
      "a region that asks for FIPS",
      { profile: "fips" },
      {},
      "us-east-1",
      "https://api.tunneling.iot-fips.us-east-1.amazonaws.com/",
    ],
    [
      "such a region by flag",
      { region: "us-gov-west-1-fips" },
      {},
      "us-gov-west-1",
      "https://api.tunneling.iot-fips.us-gov-west-1.amazonaws.com/",
    ],
    ["a section of services", { profile: "own" }, {}, "eu-west-1", "https://tunneling.test/"],
    ["a profile's endpoint", { profile: "general" }, {}, "eu-west-1", "https://general.test/"],
    [
      "a variable before it",
      {},
      { AWS_ENDPOINT_URL: "https://var.test", AWS_PROFILE: "own" },
      "eu-west-1",
      "https://var.test/",
    ],
    [
      "endpoints of variables and files passed over",
      { profile: "general" },
      { AWS_ENDPOINT_URL: "https://var.test", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
      "eu-west-1",
      "https://api.tunneling.iot.eu-west-1.amazonaws.com/",
    ],
    [
      "but the flag's",
      { endpointUrl: "https://flag.test", region: "eu-west-1" },
      { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
      "eu-west-1",
      "https://flag.test/",
    ],
  ] as const)("%s", async (_name, flags, more, region, url) => {
    using dir = tempDir();
    mkdirSync(join(dir.path, ".aws"));
    writeFileSync(join(dir.path, ".aws/config"), CONFIG);
    const env: Env = { HOME: dir.path, ...more };
    const target = targetOf(flags, env);
    expect(await regionOf(target, env)).toBe(region);
    expect(controlPlaneOf(target, region).url.href).toBe(url);
  });
});

describe("a region that does not exist", () => {
  const known = async (region: string, env: Env = NOWHERE) => {
    const target = targetOf({ region }, env);
    return Promise.all([regionOf(target, env), dataPlaneOf(target, region, env)]);
  };

  test.each([
    ["eu-wset-1", "eu-west-1"],
    ["eu-wst-1", "eu-west-1"],
    ["us-eats-1", "us-east-1"],
    ["uk-west-2", "us-west-2"],
  ])("%s is taken for %s, before anything is dialled", async (region, near) => {
    const error = await known(region).catch((failure) => failure);
    expect(error).toMatchObject({ code: "ERR_CONFIG", hint: `did you mean ${near}?` });
    expect(error.message).toBe(`the region "${region}" does not exist`);
  });

  test("one far from all is said to be none", async () => {
    const error = await known("mars-olympus-1").catch((failure) => failure);
    expect(error).toMatchObject({ code: "ERR_CONFIG", hint: "add --region with one such as eu-west-1" });
  });

  test("one that may have come since is left to the web proxy to find", async () => {
    const env = { ...NOWHERE, HTTPS_PROXY: "http://127.0.0.1:1" };
    const [region, { host }] = await known("eu-west-9", env);
    expect([region, host]).toEqual(["eu-west-9", "data.tunneling.iot.eu-west-9.amazonaws.com"]);
  });

  test("with endpoints of one's own any name will do", async () => {
    const env = { ...NOWHERE };
    const target = targetOf(
      { region: "xx-test-1", endpointUrl: "https://a.test", proxyEndpoint: "b.test" },
      env,
    );
    expect(await regionOf(target, env)).toBe("xx-test-1");
    expect(await dataPlaneOf(target, "xx-test-1", env)).toMatchObject({ host: "b.test", port: 443 });
  });
});
