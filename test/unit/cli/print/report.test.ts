import { describe, expect, test } from "bun:test";
import { ConfigError, ServiceError, UsageError } from "../../../../src/base/errors.ts";
import { exitCodeOf } from "../../../../src/cli/print/exit-codes.ts";
import { reportError } from "../../../../src/cli/print/report.ts";

describe("text", () => {
  test("an error and what to type next", () => {
    expect(reportError(new UsageError("no", "tunnel --help"), { json: false })).toBe(
      "tunnel: error: no\ntunnel: hint: tunnel --help\n",
    );
    expect(reportError(new ConfigError("no"), { json: false })).toBe("tunnel: error: no\n");
  });

  test("control characters of the network are escaped", () => {
    const error = new ServiceError("ERR_DENIED", "a\u001b[2Jb\nc", { awsCode: "X", hint: "d\u0007" });
    expect(reportError(error, { json: false })).toBe(
      "tunnel: error: a\\u001b[2Jb\\u000ac\ntunnel: hint: d\\u0007\n",
    );
  });

  test("whatever is not ours is a bug and shows where it comes from", () => {
    const text = reportError(new TypeError("x is undefined"), { json: false });
    expect(text).toStartWith("tunnel: error: unexpected: x is undefined\ntunnel: hint: this is a bug");
    expect(text).toContain("report.test.ts");
  });
});

describe("JSON", () => {
  test("one line with code, message and hint", () => {
    const text = reportError(new UsageError("no\n", "tunnel --help"), { json: true });
    expect(text).toEndWith("}\n");
    expect(text.trim()).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({
      error: { code: "ERR_USAGE", message: "no\\u000a", hint: "tunnel --help" },
    });
  });

  test("hint is null without one; local is said", () => {
    expect(JSON.parse(reportError(new ConfigError("no"), { json: true, local: true }))).toEqual({
      error: { code: "ERR_CONFIG", message: "no", hint: null },
      local: true,
    });
    expect(JSON.parse(reportError("thrown text", { json: true })).error.code).toBe("ERR_BUG");
  });
});

test("exit codes", () => {
  expect(exitCodeOf(new UsageError("no"))).toBe(64);
  expect(exitCodeOf(new ConfigError("no"))).toBe(78);
  expect(exitCodeOf(new ServiceError("ERR_NOT_FOUND", "no", { awsCode: "X" }))).toBe(66);
  expect(exitCodeOf(new ServiceError("ERR_LIMIT", "no", { awsCode: "X" }))).toBe(75);
  expect(exitCodeOf(new TypeError("no"))).toBe(70);
  expect(exitCodeOf(undefined)).toBe(70);
});
