import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../../src/base/errors.ts";
import {
  parseWebProxy,
  webProxyAddress,
  webProxyLogin,
  webProxyName,
} from "../../../src/net/web-proxy-url.ts";

/** User name and password as they go over the wire, byte by byte. */
function loginOf(value: string): string | undefined {
  const [, base64 = ""] = /^Basic (.*)$/.exec(webProxyLogin(parseWebProxy("HTTPS_PROXY", value)) ?? "") ?? [];
  return base64 === "" ? undefined : Buffer.from(base64, "base64").toString("latin1");
}

describe("user name and password are those that curl sends", () => {
  test.each([
    ["http://proxy:1", undefined],
    ["http://user:100%@proxy:1", "user:100%"],
    ["http://user:%zz%@proxy:1", "user:%zz%"],
    ["http://user:5%2@proxy:1", "user:5%2"],
    ["http://us%er:x@proxy:1", "us%er:x"],
    ["http://user:p%40ss@proxy:1", "user:p@ss"],
    ["http://user:p@ss@proxy:1", "user:p@ss"],
    ["http://user:a:b@proxy:1", "user:a:b"],
    ["http://user:a%3Ab%25@proxy:1", "user:a:b%"],
    ["http://user:back\\slash@proxy:1", "user:back\\slash"],
    ['http://user: "<>^`{|}@proxy:1', 'user: "<>^`{|}'],
    ["http://user:%E9@proxy:1", "user:\u00e9"],
    ["http://user:\u00e9@proxy:1", "user:\u00c3\u00a9"],
    ["http://user@proxy:1", "user:"],
    ["http://:word@proxy:1", ":word"],
    ["user:100%@proxy:1", "user:100%"],
  ])("%s: %p", (value, login) => {
    expect(loginOf(value)).toBe(login);
    const url = parseWebProxy("HTTPS_PROXY", value);
    expect(webProxyAddress(url)).toEqual({ host: "proxy", port: 1 });
    expect(webProxyName(url)).toBe("web proxy proxy:1");
  });

  test("also of a URL that somebody else has made", () => {
    expect(webProxyLogin(new URL("http://user:100%@proxy:1"))).toBe(`Basic ${btoa("user:100%")}`);
  });
});

test.each([
  ["http://proxy", "proxy", 80],
  ["https://proxy", "proxy", 443],
  ["HTTPS://proxy:3128/", "proxy", 3128],
  [" http://[fd00::1]:8080/path ", "fd00::1", 8080],
])("the address of %s", (value, host, port) => {
  expect(webProxyAddress(parseWebProxy("HTTPS_PROXY", value))).toEqual({ host, port });
});

describe("what names no web proxy is refused, without a word of the password", () => {
  const HASH = 'a "/", "?" or "#" in its user name or password';
  test.each([
    ["http://user:sec#ret@proxy:1", HASH, "%23 for #"],
    ["http://user:12#ret@proxy:1", HASH, "%23 for #"],
    ["http://user:sec/ret@proxy:1", HASH, "%2F for /"],
    ["http://user:sec?ret@proxy:1", HASH, "%3F for ?"],
    ["user:sec#ret@proxy:1", HASH, "%23 for #"],
    ["socks5://user:secret@proxy:1", 'a proxy of the kind "socks5"', "http://HOST:PORT"],
    ["http://", "does not name a web proxy", "https_proxy=http://HOST:PORT"],
    ["http://user:secret@", "does not name a web proxy", "https_proxy=http://HOST:PORT"],
    ["http://user:secret@:3128", "does not name a web proxy", "https_proxy=http://HOST:PORT"],
    ["http://user:secret@proxy:99999", "does not name a web proxy", "https_proxy=http://HOST:PORT"],
    ["http://user:secret@pro xy:1", "does not name a web proxy", "https_proxy=http://HOST:PORT"],
    ["http://user:secret@pro\\xy:1", "does not name a web proxy", "https_proxy=http://HOST:PORT"],
  ])("%s", (value, message, hint) => {
    let error: unknown;
    try {
      parseWebProxy("https_proxy", value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    const { message: said, hint: advice = "" } = error as ConfigError;
    expect(said).toContain("https_proxy");
    expect(said).toContain(message);
    expect(advice).toContain(hint);
    expect(said + advice).not.toMatch(/sec|ret@|12#/);
  });
});
