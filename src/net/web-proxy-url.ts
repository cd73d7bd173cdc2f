// What HTTPS_PROXY may hold, and what is in it.

import { ConfigError } from "../base/errors.ts";
import { unbracketed } from "../base/host-names.ts";

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
/** USER:PASSWORD@HOST:PORT, of which all but the host may be missing. The last @ ends the password. */
const PARTS = /^(?:(?<userinfo>[^/?#]*)@)?(?<place>[^/?#@\s\\]+)(?<rest>[/?#].*)?$/s;

/**
 * Reads the value of the variable `name` as curl does: a `%` that begins no escape stands for itself.
 * @throws ConfigError naming the variable, never its value, which may hold a password
 */
export function parseWebProxy(name: string, text: string): URL {
  const [prefix = "", scheme = "http"] = SCHEME.exec(text.trim()) ?? [];
  const { userinfo, place, rest = "" } = PARTS.exec(text.trim().slice(prefix.length))?.groups ?? {};
  if (rest.includes("@")) {
    throw new ConfigError(`${name} has a "/", "?" or "#" in its user name or password`, {
      hint: "percent-encode them: %2F for /, %3F for ?, %23 for #",
    });
  }
  if (!/^https?$/i.test(scheme)) {
    throw new ConfigError(
      `${name} names a proxy of the kind "${scheme.toLowerCase()}", which is not spoken`,
      {
        hint: `${name}=http://HOST:PORT, or https://HOST:PORT for a proxy behind TLS`,
      },
    );
  }
  const login = userinfo === undefined ? "" : `${canonicalLogin(userinfo)}@`;
  const full = `${scheme}://${login}${place}`;
  const url = place !== undefined && URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || url.hostname === "") {
    throw new ConfigError(`${name} does not name a web proxy`, { hint: `${name}=http://HOST:PORT` });
  }
  return url;
}

/** Host, without the brackets of an IPv6 address, and port. */
export function webProxyAddress({ hostname, port, protocol }: URL): {
  readonly host: string;
  readonly port: number;
} {
  const usual = protocol === "https:" ? 443 : 80;
  return { host: unbracketed(hostname), port: port === "" ? usual : Number(port) };
}

/** How messages call it: without user name and password. */
export function webProxyName(webProxy: URL): string {
  return `web proxy ${webProxy.hostname}:${webProxyAddress(webProxy).port}`;
}

/** Value of the Proxy-Authorization header; undefined where the URL holds no user name and no password. */
export function webProxyLogin({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const login = Buffer.concat([bytesOf(username), Buffer.from(":"), bytesOf(password)]);
  return `Basic ${login.toString("base64")}`;
}

function canonicalLogin(userinfo: string): string {
  const colon = userinfo.indexOf(":");
  if (colon === -1) return escapeAll(bytesOf(userinfo));
  return `${escapeAll(bytesOf(userinfo.slice(0, colon)))}:${escapeAll(bytesOf(userinfo.slice(colon + 1)))}`;
}

/** Bytes rather than text, since a password may be escaped in any character set. */
function bytesOf(text: string): Buffer {
  const raw = Buffer.from(text, "utf8").toString("latin1");
  const plain = raw.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(plain, "latin1");
}

function escapeAll(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/[^\w.~-]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
