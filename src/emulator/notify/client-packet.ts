// What a client may say in MQTT 3.1 and 3.1.1, read as strictly as the specification allows a server to.

import type { RawPacket } from "./packet-reader.ts";
import { isTopicFilter } from "./topic-filter.ts";

/** A packet of a client that keeps the rules. Of PUBLISH nothing is read: no device may publish. */
export type ClientPacket =
  | ConnectPacket
  /** A protocol level that is not spoken here. `name` is right, so the client may be told. */
  | { readonly type: "unknown-version"; readonly level: number }
  | { readonly type: "publish" }
  | {
      readonly type: "acknowledge";
      readonly what: "puback" | "pubrec" | "pubrel" | "pubcomp";
      readonly packetId: number;
    }
  | { readonly type: "subscribe"; readonly packetId: number; readonly filters: readonly RequestedFilter[] }
  | { readonly type: "unsubscribe"; readonly packetId: number; readonly filters: readonly string[] }
  | { readonly type: "ping" }
  | { readonly type: "disconnect" };

export interface ConnectPacket {
  readonly type: "connect";
  /** 3 is MQTT 3.1, 4 is 3.1.1. */
  readonly level: 3 | 4;
  readonly isClean: boolean;
  readonly clientId: string;
  /** Seconds; 0 is none. */
  readonly keepAlive: number;
  readonly willTopic: string | undefined;
}

export interface RequestedFilter {
  readonly filter: string;
  readonly qos: number;
}

/** In one packet: as many as a connection may have. AWS IoT Core takes eight. */
const MAX_FILTERS = 50;

const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const PINGREQ = 12;
const DISCONNECT = 14;
const ACKNOWLEDGEMENTS = { 4: "puback", 5: "pubrec", 6: "pubrel", 7: "pubcomp" } as const;
/** Of PUBREL, SUBSCRIBE and UNSUBSCRIBE. */
const RESERVED_FLAGS = 0b0010;

/** Reads a packet. Throws TypeError, saying what is wrong, for one that breaks a rule or that only a server sends. */
export function readClientPacket({ type, flags, body }: RawPacket): ClientPacket {
  const reader = new Reader(body);
  if (type === CONNECT) return readConnect(reader, flags);
  if (type === PUBLISH) return { type: "publish" };
  const isReserved = type === SUBSCRIBE || type === UNSUBSCRIBE || type === 6;
  if (flags !== (isReserved ? RESERVED_FLAGS : 0)) throw new TypeError("flags that its packet must not have");
  if (type in ACKNOWLEDGEMENTS) {
    const what = ACKNOWLEDGEMENTS[type as keyof typeof ACKNOWLEDGEMENTS];
    return reader.end({ type: "acknowledge", what, packetId: reader.packetId() });
  }
  if (type === SUBSCRIBE) {
    const packetId = reader.packetId();
    return { type: "subscribe", packetId, filters: reader.list(() => reader.requestedFilter()) };
  }
  if (type === UNSUBSCRIBE) {
    const packetId = reader.packetId();
    return { type: "unsubscribe", packetId, filters: reader.list(() => reader.filter()) };
  }
  if (type === PINGREQ) return reader.end({ type: "ping" });
  if (type === DISCONNECT) return reader.end({ type: "disconnect" });
  throw new TypeError(`a packet of type ${type}, which no client sends`);
}

/** MQTT 3.1 lets a client set the flags of the fixed header; 3.1.1 does not. */
function readConnect(reader: Reader, headerFlags: number): ClientPacket {
  const name = reader.text();
  if (name !== "MQTT" && name !== "MQIsdp") throw new TypeError("another protocol's name");
  const level = reader.byte();
  const own = name === "MQTT" ? 4 : 3;
  if (headerFlags !== 0 && level !== 3) throw new TypeError("flags that its packet must not have");
  const flags = reader.byte();
  const keepAlive = reader.number();
  if (level !== own) return { type: "unknown-version", level };
  checkConnectFlags(flags, level);
  const clientId = reader.text();
  const hasWill = (flags & 0x04) !== 0;
  const willTopic = hasWill ? reader.text() : undefined;
  if (hasWill) reader.bytes();
  if ((flags & 0x80) !== 0) reader.text();
  if ((flags & 0x40) !== 0) reader.bytes();
  if (willTopic !== undefined) checkWillTopic(willTopic);
  const isClean = (flags & 0x02) !== 0;
  return reader.end({ type: "connect", level: own, isClean, clientId, keepAlive, willTopic });
}

function checkConnectFlags(flags: number, level: number): void {
  const hasWill = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  if ((flags & 0x01) !== 0 && level === 4) throw new TypeError("the reserved flag of CONNECT");
  if (!hasWill && (flags & 0x38) !== 0) throw new TypeError("flags of a last will without a last will");
  if (willQos === 3) throw new TypeError("a last will of QoS 3");
  if ((flags & 0xc0) === 0x40) throw new TypeError("a password without a user name");
}

/** `$aws/` is AWS IoT's own; everything else that begins with a dollar sign is nobody's to publish on. */
function checkWillTopic(topic: string): void {
  if (topic === "" || /[+#]/.test(topic) || (topic.startsWith("$") && !topic.startsWith("$aws/"))) {
    throw new TypeError("a last will on a topic that cannot be published on");
  }
}

/** Reads the fields of a packet in turn; every method throws TypeError beyond the end. */
class Reader {
  readonly #body: Uint8Array;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  byte(): number {
    const byte = this.#body[this.#at];
    if (byte === undefined) throw new TypeError("a packet that ends too early");
    this.#at += 1;
    return byte;
  }

  number(): number {
    const high = this.byte();
    return high * 256 + this.byte();
  }

  packetId(): number {
    const packetId = this.number();
    if (packetId === 0) throw new TypeError("a packet identifier of 0");
    return packetId;
  }

  bytes(): Uint8Array {
    const length = this.number();
    const bytes = this.#body.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new TypeError("a packet that ends too early");
    this.#at += length;
    return bytes;
  }

  text(): string {
    return readText(this.bytes());
  }

  filter(): string {
    const filter = this.text();
    if (!isTopicFilter(filter)) throw new TypeError("a topic filter that is none");
    return filter;
  }

  requestedFilter(): RequestedFilter {
    const filter = this.filter();
    const qos = this.byte();
    if (qos > 2) throw new TypeError("a QoS that is none");
    return { filter, qos };
  }

  /** At least one of what `read` reads, to the end. */
  list<T>(read: () => T): T[] {
    const items = [read()];
    while (this.#at < this.#body.length) {
      if (items.length === MAX_FILTERS) {
        throw new TypeError(`a packet with more than ${MAX_FILTERS} topic filters`);
      }
      items.push(read());
    }
    return items;
  }

  /** `packet`, if it has been read to its end. */
  end<T>(packet: T): T {
    if (this.#at !== this.#body.length) throw new TypeError("a packet with more than belongs to it");
    return packet;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A string without what no string of MQTT has (surrogates, U+0000) or should have (control and non-characters). */
function readText(bytes: Uint8Array): string {
  const text = UTF8.decode(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  if (/[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef]|[\ufffe\uffff]/u.test(text)) {
    throw new TypeError("a string with control characters");
  }
  return text;
}
