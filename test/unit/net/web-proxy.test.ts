import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../../src/base/errors.ts";
import { webProxyFor } from "../../../src/net/web-proxy.ts";

const HOST = "data.tunneling.iot.eu-west-1.amazonaws.com";

test("without a variable there is no web proxy", () => {
  expect(webProxyFor(HOST, 443, {})).toBeUndefined();
  expect(webProxyFor(HOST, 443, { HTTPS_PROXY: "" })).toBeUndefined();
  expect(webProxyFor(HOST, 443, { HTTP_PROXY: "http://proxy:1" })).toBeUndefined();
});

test.each([
  [{ HTTPS_PROXY: "http://proxy:3128" }, "http://proxy:3128/"],
  [{ HTTPS_PROXY: "proxy:3128" }, "http://proxy:3128/"],
  [{ HTTPS_PROXY: "https://proxy" }, "https://proxy/"],
  [{ HTTPS_PROXY: "http://a:1", https_proxy: "http://b:2" }, "http://b:2/"],
  [{ https_proxy: "http://me:p%40ss@proxy:1" }, "http://me:p%40ss@proxy:1/"],
])("%o", (env, href) => {
  expect(webProxyFor(HOST, 443, env)?.href).toBe(href);
});

describe("NO_PROXY", () => {
  test.each([
    ["*", HOST, true],
    ["amazonaws.com", HOST, true],
    [".amazonaws.com", HOST, true],
    ["*.amazonaws.com", HOST, true],
    ["AmazonAWS.com", HOST, true],
    [HOST, HOST, true],
    [`${HOST}:443`, HOST, true],
    [`${HOST}:444`, HOST, false],
    ["amazonaws.com:443", HOST, true],
    ["aws.com", HOST, false],
    ["com.amazonaws", HOST, false],
    ["other.test, amazonaws.com", HOST, true],
    ["other.test amazonaws.com", HOST, true],
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["10.0.0.0/99", "10.1.2.3", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["2.3", "10.1.2.3", false],
    ["fd00::/8", "fd12::1", true],
    ["[fd12::1]:443", "fd12::1", true],
    ["", HOST, false],
  ])("%s excludes %s: %p", (noProxy, host, isExcluded) => {
    const env = { HTTPS_PROXY: "http://proxy:1", NO_PROXY: noProxy };
    expect(webProxyFor(host, 443, env) === undefined).toBe(isExcluded);
  });

  test("the lower-case variable comes first", () => {
    const env = { HTTPS_PROXY: "http://proxy:1", NO_PROXY: "*", no_proxy: "other.test" };
    expect(webProxyFor(HOST, 443, env)).toBeDefined();
  });
});

test.each(["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.8.9.1", "::1"])(
  "%s is never reached through a proxy",
  (host) => {
    expect(webProxyFor(host, 443, { HTTPS_PROXY: "http://proxy:1" })).toBeUndefined();
  },
);

test.each(["socks5://me:secret@proxy:1", "http://", "http://me:secret@:x"])(
  "a value that names no web proxy is refused without repeating it: %s",
  (value) => {
    const fail = () => webProxyFor(HOST, 443, { HTTPS_PROXY: value });
    expect(fail).toThrow(ConfigError);
    expect(fail).toThrow("HTTPS_PROXY");
    expect(fail).not.toThrow("secret");
  },
);
