import { isOwnTopic } from "../../../src/emulator/notify/notification.ts";
import { PacketMeter } from "../../../src/emulator/notify/packet-meter.ts";
import { Cursor } from "../cursor.ts";
import { must, type Target, textOf } from "../target.ts";

const MAX_BYTES = 300;
const THING = "pump-7";

/** Bytes of an MQTT connection before any broker sees them, cut anywhere: the first byte says how many cuts follow. */
export const packets: Target = {
  name: "packets",
  examples: [
    Uint8Array.of(0, 0x10, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0, 0xc0, 0),
    Uint8Array.of(3, 1, 1, 5, 0x82, 0x80, 1, ...new Array(128).fill(7), 0xc0, 0),
    Uint8Array.of(2, 2, 1, 0x30, 0xff, 0xff, 0xff, 0x7f),
    Uint8Array.of(1, 3, 0x30, 0x80, 0x80, 0x80, 0x80, 1),
  ],
  words: [
    Uint8Array.of(0xc0, 0),
    Uint8Array.of(0x30, 0x80, 1),
    Uint8Array.of(0x30, 0xac, 2),
    Uint8Array.of(0x30, 0xad, 2),
    Uint8Array.of(0x80, 0x80, 0x80),
  ],
  maxLength: 600,
  suiteRuns: 1_500_000,
  run(input) {
    const cursor = new Cursor(input);
    const cuts = cursor.take(cursor.below(16));
    const bytes = cursor.rest();
    const wanted = isGood(bytes);
    must(new PacketMeter(MAX_BYTES).accept(bytes) === wanted, "another verdict than the packets deserve");
    must(acceptInPieces(bytes, cuts) === wanted, "the verdict depends on where packets were cut");
  },
};

function acceptInPieces(bytes: Uint8Array, cuts: Uint8Array): boolean {
  const meter = new PacketMeter(MAX_BYTES);
  let at = 0;
  for (const length of cuts) {
    if (!meter.accept(bytes.subarray(at, at + length))) return false;
    at += length;
  }
  return meter.accept(bytes.subarray(at));
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

/** Topics and topic filters, against what a broker would deliver for them. */
export const topics: Target = {
  name: "topics",
  examples: [
    ...["$aws/things/pump-7/tunnels/notify", "$aws/things/+/#", "#", "$aws/things/pump-7/#"].map((each) =>
      Buffer.from(each),
    ),
  ],
  words: ["$aws/things/", "pump-7", "pump-8", "/", "+", "#", "tunnels/notify", "$share/g/"].map((each) =>
    Buffer.from(each),
  ),
  maxLength: 120,
  suiteRuns: 1_500_000,
  run(input) {
    const filter = textOf(input);
    if (!isOwnTopic(filter, THING)) return;
    for (const thing of ["pump-8", "", "pump-7x"]) {
      must(!matches(filter, `$aws/things/${thing}/tunnels/notify`), "a device hears of another thing");
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
