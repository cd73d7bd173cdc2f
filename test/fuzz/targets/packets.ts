import { type ClientPacket, readClientPacket } from "../../../src/emulator/notify/client-packet.ts";
import { isOwnTopic } from "../../../src/emulator/notify/notify-message.ts";
import { PacketReader, type RawPacket } from "../../../src/emulator/notify/packet-reader.ts";
import { isTopicFilter, matchesTopic } from "../../../src/emulator/notify/topic-filter.ts";
import { Cursor } from "../cursor.ts";
import { attempt, isEqual, must, type Target, text, textOf } from "../target.ts";

const MAX_BYTES = 300;
const THING = "pump-7";
const WHOLE = new Uint8Array(0);
/** What the runtimes say of a fault in our own code: readers refuse with TypeError, too. */
const OWN_FAULT = /undefined|null|is not (a|an|iterable)\b/;

/** Bytes of an MQTT connection, cut anywhere: the first byte says how many cuts follow. */
export const packets: Target = {
  name: "packets",
  examples: [
    Uint8Array.of(0, 0x10, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0, 0xc0, 0),
    Uint8Array.of(
      0,
      0x10,
      24,
      0,
      4,
      77,
      81,
      84,
      84,
      4,
      0xee,
      0,
      60,
      0,
      1,
      97,
      0,
      1,
      98,
      0,
      1,
      99,
      0,
      1,
      100,
      0,
      1,
      101,
    ),
    Uint8Array.of(0, 0x82, 6, 0, 7, 0, 1, 97, 1, 0xa2, 5, 0, 7, 0, 1, 97, 0x40, 2, 0, 7, 0x62, 2, 0, 7),
    Uint8Array.of(3, 1, 1, 5, 0x82, 0x80, 1, ...new Array(128).fill(7), 0xe0, 0),
    Uint8Array.of(2, 2, 1, 0x30, 0xff, 0xff, 0xff, 0x7f),
    Uint8Array.of(1, 3, 0x30, 0x80, 0x80, 0x80, 0x80, 1),
  ],
  words: [
    ...[Uint8Array.of(0xc0, 0), Uint8Array.of(0x30, 0x80, 1), Uint8Array.of(0x30, 0xac, 2)],
    ...[Uint8Array.of(0x30, 0xad, 2), Uint8Array.of(0x80, 0x80, 0x80), Uint8Array.of(0, 2, 0x2b, 0x2f)],
    ...[
      Uint8Array.of(0, 1, 0x23),
      Uint8Array.of(0, 3, 0xed, 0xa0, 0x80),
      Uint8Array.of(0, 6, 77, 81, 73, 115, 100, 112, 3),
    ],
    ...[Uint8Array.of(0, 4, 77, 81, 84, 84, 5), Uint8Array.of(0x82, 6, 0, 1, 0, 1, 97, 2)],
  ],
  maxLength: 600,
  suiteRuns: 500_000,
  run(input) {
    const cursor = new Cursor(input);
    const cuts = cursor.take(cursor.below(16));
    const bytes = cursor.rest();
    const whole = packetsOf(bytes, WHOLE);
    const cut = packetsOf(bytes, cuts);
    must(
      whole.isBroken === cut.isBroken && whole.isBroken === !isGood(bytes),
      "another verdict than the packets deserve",
    );
    must(whole.found.length === cut.found.length, "the packets depend on where they were cut");
    for (const [at, packet] of whole.found.entries()) {
      const other = cut.found[at];
      must(
        other !== undefined && other.type === packet.type && isEqual(other.body, packet.body),
        "a packet depends on cuts",
      );
      checkPacket(packet);
    }
  },
};

function packetsOf(
  bytes: Uint8Array,
  cuts: Uint8Array,
): { readonly found: RawPacket[]; readonly isBroken: boolean } {
  const reader = new PacketReader(MAX_BYTES);
  const found: RawPacket[] = [];
  let at = 0;
  for (let index = 0; index <= cuts.length; index++) {
    const piece = bytes.subarray(at, at + (cuts[index] ?? bytes.length));
    at += piece.length;
    const refusal = attempt(() => {
      for (const packet of reader.push(piece)) found.push(packet);
    }, TypeError);
    if (refusal !== undefined) return { found, isBroken: true };
  }
  return { found, isBroken: false };
}

function checkPacket(raw: RawPacket): void {
  const packet = read(raw);
  if (packet === undefined) return;
  if (packet.type === "connect") {
    must(packet.clientId.length <= raw.body.length, "an id longer than its packet");
  }
  if (packet.type !== "subscribe" && packet.type !== "unsubscribe") return;
  must(packet.filters.length > 0 && packet.packetId > 0, "a subscription to nothing");
  for (const each of packet.filters) {
    const filter = typeof each === "string" ? each : each.filter;
    must(isTopicFilter(filter) && filter.length <= raw.body.length, "a topic filter that is none");
  }
}

/** Undefined for a packet that is refused, by a rule and not by a fault of ours. */
function read(raw: RawPacket): ClientPacket | undefined {
  try {
    return readClientPacket(raw);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    must(!OWN_FAULT.test(error.message), `refused with "${error.message}"`);
    return undefined;
  }
}

/** The rule as the standard writes it: a length of one to four bytes, seven bits each, the lowest first. */
function isGood(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    at += 1;
    let length = 0;
    for (let weight = 1, isLast = false; !isLast; weight *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return true;
      length += (byte & 127) * weight;
      isLast = byte < 128;
      if (length > MAX_BYTES || (!isLast && weight === 128 ** 3)) return false;
    }
    at += length;
  }
  return true;
}

/** Topic filters, against what the standard says that they match; a topic stands behind a line end. */
export const topics: Target = {
  name: "topics",
  examples: text(
    "$aws/things/pump-7/tunnels/notify",
    "$aws/things/pump-7/+/#\na",
    "a/#\na",
    "a/+\na/",
    "$aws/things/pump-7/#\n$aws/things/pump-7",
  ),
  words: text("$aws/things/", "pump-7", "pump-8", "/", "+", "#", "/#", "/+", "tunnels/notify", "\n", "a"),
  maxLength: 120,
  suiteRuns: 800_000,
  run(input) {
    const [filter = "", topic = ""] = textOf(input).split("\n");
    const isFilter = isTopicFilter(filter);
    if (isFilter && !/^[+#]/.test(filter) && topic !== "" && !/[+#]/.test(topic)) {
      must(matchesTopic(filter, topic) === matches(filter, topic), "another match than the standard's");
    }
    if (!isFilter || !isOwnTopic(filter, THING)) return;
    for (const thing of ["pump-8", "", "pump-7x"]) {
      must(!matchesTopic(filter, `$aws/things/${thing}/tunnels/notify`), "a device hears of another thing");
    }
  },
};

/** Whether a filter matches a topic (MQTT 3.1.1 section 4.7). */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split("/");
  const wanted = filter.split("/");
  for (const [at, level] of wanted.entries()) {
    if (level === "#") return true;
    if (at >= levels.length || (level !== "+" && level !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}
