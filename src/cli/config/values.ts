// Readers of single values, used by the options table. Each takes the text a person wrote and throws a
// BadValueError with a reason that can follow `region "eu-wst" (from AWS_REGION): `.

import ms from "ms";
import { regionLike } from "../../aws/regions.ts";
import type { Tag } from "../../aws/shapes.ts";
import { UsageError } from "../../base/errors.ts";
import { isLoopback, unbracketed } from "../../base/host-names.ts";
import { isApiName, isRegion, isTunnelId } from "../../base/names.ts";
import { Password } from "../../base/secret.ts";
import {
  ACCESS_TOKEN_PATTERN,
  CLIENT_TOKEN_PATTERN,
  MAX_TUNNEL_LIFE_MINUTES,
} from "../../protocol/constants.ts";

/** A value that cannot be used; the message is the reason alone, lower case, without the value. */
export class BadValueError extends Error {}

/** A value of the right form that names nothing: a fault of the configuration, wherever it is written. */
export class NoSuchValueError extends BadValueError {}

/** Host and port of one endpoint. IPv6 addresses are kept without their brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function readText(text: string): string {
  if (text === "") throw new BadValueError("empty");
  return text;
}

/** A region's name; also the AWS CLI's `fips-us-east-1`, for the FIPS hosts of a region. */
export function readRegion(text: string): string {
  const region = text.trim();
  if (isRegion(region.replace(/^fips-|-fips$/, ""))) return region;
  if (!/^[\w-]{1,40}$/.test(region)) throw new BadValueError("not the name of a region, such as eu-west-1");
  const near = regionLike(region);
  const more = near === undefined ? ", such as eu-west-1" : `; did you mean ${near}?`;
  throw new NoSuchValueError(`not the name of a region that exists${more}`);
}

/** A thing name or a service id: both have the same alphabet in the API. */
export function readApiName(text: string): string {
  if (!isApiName(text)) throw new BadValueError("1 to 128 letters, digits, “:”, “_” and “-” are allowed");
  return text;
}

/** A thing name, also as the host name `NAME.thing` that ssh configurations use: a name itself has no dots. */
export function readThing(text: string): string {
  return readApiName(text.replace(/\.thing$/, ""));
}

export function readTunnelId(text: string): string {
  if (!isTunnelId(text)) throw new BadValueError("not a tunnel id, as tunnel list shows them");
  return text;
}

export function readAccountId(text: string): string {
  if (!/^\d{12}$/.test(text)) throw new BadValueError("an account id has 12 digits");
  return text;
}

export function readClientToken(text: string): string {
  if (!CLIENT_TOKEN_PATTERN.test(text)) {
    throw new BadValueError("a client token has 32 to 128 letters, digits and “-”; a UUID fits");
  }
  return text;
}

/** One of a closed list, in any case; the list's own spelling is returned. */
export function oneOf<T extends string>(...choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
    if (found === undefined) {
      throw new BadValueError(`must be ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`);
    }
    return found;
  };
}

export function readWholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new BadValueError(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

/** A length of time with its unit, such as 10s or 500ms; milliseconds. */
export function readDuration(min: string, max: string): (text: string) => number {
  return (text) => {
    const value = toMilliseconds(text);
    if (value === undefined || value < (toMilliseconds(min) ?? 0) || value > (toMilliseconds(max) ?? 0)) {
      throw new BadValueError(`must be a length of time from ${min} to ${max}, with its unit`);
    }
    return value;
  };
}

/** A length of time with its unit, or 0 or `off` for none; milliseconds. */
export function readTimeOrOff(max: string): (text: string) => number {
  const read = readDuration("0s", max);
  return (text) => {
    if (/^(0|off)$/i.test(text)) return 0;
    try {
      return read(text);
    } catch {
      throw new BadValueError(`must be off, or a length of time up to ${max}, with its unit`);
    }
  };
}

/** The life of a tunnel: 90m, 12h, or a bare number of minutes; whole minutes, 1 to 720 (the service's limits). */
export function readLifetimeMinutes(text: string): number {
  const minutes = /^\d{1,6}$/.test(text) ? Number(text) : (toMilliseconds(text) ?? Number.NaN) / 60_000;
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_TUNNEL_LIFE_MINUTES) {
    throw new BadValueError("must be whole minutes from 1m to 12h, such as 90m, 12h or 30");
  }
  return minutes;
}

function toMilliseconds(text: string): number | undefined {
  // The library reads a bare number as milliseconds, which nobody means when writing `--linger 5`.
  if (!/^\d+(\.\d+)?\s*[a-z]+$/i.test(text) || text.length > 50) return undefined;
  const value = ms(text as ms.StringValue) as number | undefined;
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

/** URL of the control plane. */
export function readEndpointUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new BadValueError("must be a URL such as https://localhost:8443");
  }
  if (url.username !== "" || url.password !== "") {
    throw new BadValueError("a user name or password does not belong here");
  }
  return url;
}

/** `[wss://]HOST[:PORT]` of the data plane; port 443 when none is written. */
export function readDataPlane(text: string): HostPort {
  if (/^ws:|^http:/i.test(text)) {
    throw new BadValueError("the data plane is reached over TLS only: write wss:// or the host alone");
  }
  return readHostPort(text.replace(/^(wss|https):\/\//i, "").replace(/\/$/, ""), 443);
}

/** `HOST[:PORT]` of an MQTT broker that is reached over TLS; port 8883 when none is written. */
export function readMqttEndpoint(text: string): HostPort {
  return readHostPort(text, 8883);
}

/** `HOST[:PORT]` of an MQTT broker; `port` is absent when none is written, since it depends on the transport. */
export function readBroker(text: string): { readonly host: string; readonly port: number | undefined } {
  if (/^\w+:\/\//.test(text)) {
    throw new BadValueError("write HOST or HOST:PORT alone; --mqtt-transport chooses the protocol");
  }
  const { host, port } = readHostPort(text, 0);
  return { host, port: port === 0 ? undefined : port };
}

/** An MQTT client id as AWS IoT takes it. */
export function readClientId(text: string): string {
  if (!/^[\x21-\x7e]{1,128}$/.test(text) || /[#+]/.test(text)) {
    throw new BadValueError("1 to 128 printable characters without spaces, “#” and “+” are allowed");
  }
  return text;
}

/** A broker to publish through, with the credentials that its URL carries. */
export interface BrokerUrl extends HostPort {
  readonly isSecure: boolean;
  readonly username: string | undefined;
  readonly password: Password | undefined;
}

/** `mqtts://[USER:PASSWORD@]HOST[:PORT]`; `mqtt://`, without TLS, to this machine only. */
export function readBrokerUrl(text: string): BrokerUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const rest = url === undefined ? "" : `${url.pathname}${url.search}${url.hash}`;
  if (url === undefined || !/^mqtts?:$/.test(url.protocol) || url.hostname === "" || rest.length > 1) {
    throw new BadValueError(
      "must be mqtts://HOST[:PORT], with USER:PASSWORD@ before HOST if the broker asks",
    );
  }
  const isSecure = url.protocol === "mqtts:";
  const host = unbracketed(url.hostname).toLowerCase();
  const port = url.port === "" ? (isSecure ? 8883 : 1883) : Number(url.port);
  if (!isSecure) readLoopback({ host, port });
  return {
    isSecure,
    host,
    port,
    username: url.username === "" ? undefined : decodePercents(url.username),
    password: url.password === "" ? undefined : new Password(decodePercents(url.password)),
  };
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadValueError("write “%” of the user name or password as %25");
  }
}

/** An address that only this machine reaches. */
export function readLoopback(address: HostPort): HostPort {
  if (!isLoopback(address.host)) {
    throw new BadValueError("only an address of this machine is allowed: 127.0.0.1, [::1] or localhost");
  }
  return address;
}

/** `HOST[:PORT]` with IPv6 addresses in brackets; `defaultPort` when no port is written. */
function readHostPort(text: string, defaultPort: number): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9._-]{1,253}))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535 || (match?.[3] !== undefined && port === 0)) {
    throw new BadValueError("must be HOST or HOST:PORT, an IPv6 address in brackets");
  }
  return { host: host.toLowerCase(), port };
}

/** Where a server of ours listens: HOST:PORT or PORT alone; port 0 takes a free one. */
export function readListen(text: string): HostPort {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9._-]{1,253})):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new BadValueError("must be HOST:PORT or PORT, an IPv6 address in brackets");
  }
  return { host: match[1] ?? match[2] ?? "127.0.0.1", port };
}

/** `KEY=VALUE`; the value may be empty. */
export function readTag(text: string): Tag {
  const at = text.indexOf("=");
  if (at < 1) throw new BadValueError("must be KEY=VALUE");
  return { key: text.slice(0, at), value: text.slice(at + 1) };
}

/** A tunnel's tags at most, as the service counts them. */
const MAX_TAGS = 50;

/** Throws UsageError when these are more tags than any tunnel may have. */
export function checkTagCount(count: number): void {
  if (count > MAX_TAGS) {
    throw new UsageError(`${count} tags: a tunnel has ${MAX_TAGS} at most`, `give ${MAX_TAGS} or fewer`);
  }
}

/** The origin of a web page that may connect, such as https://console.example.com. */
export function readOrigin(text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text.toLowerCase()) {
    throw new BadValueError("must be an origin such as https://console.example.com, without a path");
  }
  return text.toLowerCase();
}

/** An access token as a header can carry it; the length limit is that of the reference proxy. */
export function readAccessToken(text: string): string {
  const token = text.trim();
  if (!ACCESS_TOKEN_PATTERN.test(token)) {
    throw new BadValueError("not an access token: 1 to 4096 printable characters without spaces");
  }
  return token;
}
