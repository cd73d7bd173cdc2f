import { expect, test } from "bun:test";
import { isOwnHost } from "../../../../src/emulator/server/host-rule.ts";

const NAMES = ["localhost", "tunnels.example.test", "127.0.0.1", "[::1]"];

test.each([
  "localhost",
  "localhost:8443",
  "LOCALHOST:8443",
  "127.0.0.1:8443",
  "[::1]",
  "[::1]:8443",
  "tunnels.example.test:1",
])("the host %p is ours", (host) => {
  expect(isOwnHost(host, NAMES)).toBe(true);
});

test.each([
  undefined,
  "",
  ":8443",
  "attacker.example",
  "localhost.attacker.example",
  "localhost:8443@attacker.example",
  "localhost:port",
  "localhost, attacker.example",
  "::1",
  "[::1",
  "[::2]",
  "127.0.0.1.attacker.example",
  "2130706433",
])("the host %p is not", (host) => {
  expect(isOwnHost(host, NAMES)).toBe(false);
});
