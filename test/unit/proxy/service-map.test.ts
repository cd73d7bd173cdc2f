import { describe, expect, test } from "bun:test";
import { UsageError } from "../../../src/base/errors.ts";
import type { Side } from "../../../src/proxy/options.ts";
import { parseServiceMap } from "../../../src/proxy/service-map.ts";

const read = (text: string, mode: Side) => Object.fromEntries(parseServiceMap(text, mode));

describe("entries", () => {
  test.each([
    ["2222", "source", { "": { type: "tcp", port: 2222 } }],
    ["0", "source", { "": { type: "tcp", port: 0 } }],
    ["SSH=2222", "source", { SSH: { type: "tcp", port: 2222 } }],
    ["SSH=0.0.0.0:2222", "source", { SSH: { type: "tcp", host: "0.0.0.0", port: 2222 } }],
    ["localhost:22", "destination", { "": { type: "tcp", host: "localhost", port: 22 } }],
    ["SSH=[::1]:22", "destination", { SSH: { type: "tcp", host: "::1", port: 22 } }],
    ["[fe80::1]:22", "source", { "": { type: "tcp", host: "fe80::1", port: 22 } }],
    ["/run/a.sock", "source", { "": { type: "unix", path: "/run/a.sock" } }],
    ["/run/a=b.sock", "destination", { "": { type: "unix", path: "/run/a=b.sock" } }],
    ["SSH=/run/a=b.sock", "source", { SSH: { type: "unix", path: "/run/a=b.sock" } }],
    ["a:b=22", "destination", { "a:b": { type: "tcp", port: 22 } }],
    ["a:1=host:2", "destination", { "a:1": { type: "tcp", host: "host", port: 2 } }],
    [
      "SSH=2222,VNC=[::1]:5900,W_-=/w",
      "source",
      {
        SSH: { type: "tcp", port: 2222 },
        VNC: { type: "tcp", host: "::1", port: 5900 },
        "W_-": { type: "unix", path: "/w" },
      },
    ],
    ["A=0,B=0", "source", { A: { type: "tcp", port: 0 }, B: { type: "tcp", port: 0 } }],
    [
      "A=localhost:22,B=localhost:22",
      "destination",
      { A: { type: "tcp", host: "localhost", port: 22 }, B: { type: "tcp", host: "localhost", port: 22 } },
    ],
  ] as const)("%s (%s)", (text, mode, expected) => {
    expect(read(text, mode)).toEqual(expected as never);
  });
});

describe("refusals quote the entry", () => {
  test.each([
    ["", "source", "no port"],
    ["SSH", "source", "no port"],
    ["SSH=", "source", "no port"],
    ["=22", "source", "a service id has"],
    ["S S=22", "source", "a service id has"],
    [`${"a".repeat(129)}=22`, "source", "a service id has"],
    ["65536", "source", "from 0 to 65535"],
    ["0", "destination", "from 1 to 65535"],
    ["-1", "source", "no port"],
    ["22x", "source", "no port"],
    ["::1:22", "source", "in brackets"],
    ["fe80::1:22", "destination", "in brackets"],
    ["[localhost]:22", "source", "only an IPv6 address"],
    ["[::1]", "source", "no port"],
    ["SSH=a/b", "source", "starts with “/”"],
    [`/${"x".repeat(107)}`, "source", "at most 107 bytes"],
    ["SSH=1,SSH=2", "source", "this service was given before"],
    ["1,2", "source", "name the service of each"],
    ["SSH=1,2", "source", "name the service of each"],
    ["A=7,B=7", "source", "another service listens there"],
    ["A=/s,B=/s", "source", "another service listens there"],
    ["SSH=22,", "source", "no port"],
  ] as const)("%s (%s)", (text, mode, reason) => {
    const fail = () => parseServiceMap(text, mode);
    expect(fail).toThrow(UsageError);
    expect(fail).toThrow(reason);
    const entry = reason.startsWith("name the") ? text : text.split(",").at(-1);
    expect(fail).toThrow(`"${entry}"`);
  });
});
