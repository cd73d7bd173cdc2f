import { describe, expect, test } from "bun:test";
import { ReferenceFatal } from "../../../../src/cli/localproxy/fatal.ts";
import { settingsOf } from "../../../../src/cli/localproxy/settings.ts";

const of = (proxy: unknown) => settingsOf(JSON.stringify({ tunneling: { proxy } }), "s.json");

describe("the reference's settings", () => {
  test("are its defaults where a file says nothing", () => {
    expect(settingsOf("{}", "s.json")).toMatchObject({
      bindAddress: "localhost",
      pingPeriodMs: 20_000,
      unused: [],
    });
  });

  test("are taken as texts or numbers, and those without meaning are named", () => {
    const settings = of({
      default_bind_address: "::1",
      websocket: { ping_period_ms: 5_000, connect_retry_count: "3", retry_delay_ms: "100" },
      region_endpoint_overrides: { "eu-west-1": "data.test" },
      tcp: { read_buffer_size: "1" },
    });
    expect(settings).toMatchObject({ bindAddress: "::1", pingPeriodMs: 5_000, giveUpAfterMs: 300 });
    expect(settings.endpointOf("eu-west-1")).toBe("data.test");
    expect(settings.unused).toEqual(["tunneling.proxy.tcp.read_buffer_size"]);
  });

  test.each([
    ["no JSON", "{"],
    ["nested without end", "[".repeat(20_000) + "]".repeat(20_000)],
  ])("that are %s end the program with a sentence about the file", (_title, text) => {
    expect(() => settingsOf(text, "s.json")).toThrow(ReferenceFatal);
    expect(() => settingsOf(text, "s.json")).toThrow(/^s\.json: /);
  });
});
