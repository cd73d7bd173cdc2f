import { expect, test } from "bun:test";
import { openerOf, pageAt } from "../../../../src/cli/connect/open-page.ts";

test.each([
  ["linux", ["xdg-open", "http://127.0.0.1:1/"]],
  ["freebsd", ["xdg-open", "http://127.0.0.1:1/"]],
  ["darwin", ["open", "http://127.0.0.1:1/"]],
  ["win32", ["cmd", "/c", "start", '""', "http://127.0.0.1:1/"]],
] as const)("the opener of %s", (platform, expected) => {
  expect(openerOf(platform, pageAt("127.0.0.1", 1))).toEqual(expected as never);
});

test("an IPv6 address stands in brackets", () => {
  expect(pageAt("::1", 8080)).toBe("http://[::1]:8080/");
});
