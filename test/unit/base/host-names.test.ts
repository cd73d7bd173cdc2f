import { expect, test } from "bun:test";
import { isLoopback } from "../../../src/base/host-names.ts";

test.each([
  "127.0.0.1",
  "127.9.9.9",
  "::1",
  "[::1]",
  "localhost",
  "LOCALHOST",
  "localhost.",
  "0:0:0:0:0:0:0:1",
  "0000:0000:0000:0000:0000:0000:0000:0001",
  "0:0::1",
  "127.255.255.255",
])("%s is this machine", (host) => expect(isLoopback(host)).toBe(true));

test.each([
  "127.example.org",
  "127.0.0.1.example.org",
  "localhost.example.org",
  "notlocalhost",
  "128.0.0.1",
  "127.0.0.256",
  "0.0.0.0",
  "::",
  "::2",
  "0:0:0:0:0:0:0:0:1",
  "0:1",
  "1::1",
  "127.0.0",
  "127.0.0.0.1",
  "",
])("%s is not", (host) => expect(isLoopback(host)).toBe(false));
