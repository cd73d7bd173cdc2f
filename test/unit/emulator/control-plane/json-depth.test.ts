import { describe, expect, test } from "bun:test";
import { checkRequest } from "../../../../src/emulator/control-plane/constraints.ts";
import { isNestedBeyond } from "../../../../src/emulator/control-plane/json-depth.ts";
import { OPERATIONS } from "../../../../src/emulator/control-plane/operations.ts";
import { Fault } from "../../../../src/emulator/tunnels/fault.ts";

describe("isNestedBeyond", () => {
  test.each([
    ["[[]]", false],
    ["[[[]]]", true],
    ['{"a":{"b":{}}}', true],
    ['{"a":[{}]}', true],
    ["[][][][]", false],
    ['"[[[["', false],
    ['"\\"[[[["', false],
    ['"\\\\"[[[', true],
    ['"\\', false],
    ['"[[[[', false],
    ["]]]]]][[[", false],
    ["[[[", true],
    ["", false],
  ])("of 2 levels: %s is %p", (json, expected) => {
    expect(isNestedBeyond(2, Buffer.from(json))).toBe(expected);
  });

  // A regular expression took from 0.1 to 0.9 s for these, in which nothing else of the emulator moved.
  test.each([
    ["quotes", '"'.repeat(1_000_000)],
    ["strings", '""'.repeat(500_000)],
    ["backslashes", `"${"\\".repeat(1_000_000)}`],
    ["escaped quotes", `"${'\\"'.repeat(500_000)}`],
    ["a string without end", `"${"x".repeat(1_000_000)}`],
    ["brackets", "[]".repeat(500_000)],
  ])("looks through 1 MB of %s in one pass", (_title, json) => {
    const bytes = Buffer.from(json);
    isNestedBeyond(32, bytes);
    const startedAt = performance.now();
    isNestedBeyond(32, bytes);
    expect(performance.now() - startedAt).toBeLessThan(80);
  });
});

describe("a request of 1 MB that breaks the model is refused in no time", () => {
  test.each([
    ["a description", { description: "x".repeat(1_000_000) }, "pattern"],
    ["a description of wide characters", { description: "\u{1f600}".repeat(250_000) }, "pattern"],
    [
      "a thing name",
      { destinationConfig: { thingName: "x".repeat(1_000_000), services: ["x"] } },
      "less than or equal to 128",
    ],
    ["services", { destinationConfig: { services: Array(250_000).fill("") } }, "1000 validation errors"],
    ["tags", { tags: Array(80_000).fill({ key: "x", value: "y" }) }, "less than or equal to 200"],
    [
      "unknown members",
      { ...Object.fromEntries(Array(80_000).entries()), tags: [] },
      "greater than or equal to 1",
    ],
  ])("%s", (_title, request, expected) => {
    const startedAt = performance.now();
    let message = "";
    try {
      checkRequest(OPERATIONS.OpenTunnel.input, request);
    } catch (error) {
      message = error instanceof Fault ? error.message : "";
    }
    expect(performance.now() - startedAt).toBeLessThan(150);
    expect(message).toContain(expected);
  });
});
