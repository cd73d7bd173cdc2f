import {
  CONTROL_CONNECTION_ID,
  type Control,
  encodeControl,
  isControl,
} from "../../../src/protocol/control.ts";
import { decodeControl } from "../../../src/protocol/control-reader.ts";
import { concat, isEqual, must, type Target } from "../target.ts";

const MAGIC = encodeControl({});
const HELLO = encodeControl({
  hello: { version: 1, features: 1, session: new Uint8Array(16).fill(5), window: 16_384, required: 0 },
});
const EXAMPLES = [
  HELLO,
  encodeControl({ credits: [{ connection: 1, limit: 300_000, acknowledged: 7 }], probe: 3, answer: 2 }),
  encodeControl({ fins: [{ connection: 2, bytes: 2 ** 40 }], reasons: [{ connection: 2, why: 4 }] }),
  encodeControl({ reasons: [{ connection: 2, why: 1, address: "127.0.0.1:22" }] }),
  concat([HELLO, encodeControl({ resume: [{ connection: 3, received: 9 }] }).subarray(MAGIC.length)]),
  encodeControl({ resumed: { positions: [{ connection: 3, received: 9 }], next: 4 } }),
  encodeControl({ resumed: { positions: undefined, next: 0 } }),
];

/** What comes on the control connection of a stream: a peer's, or anybody's. */
export const control: Target = {
  name: "control",
  examples: EXAMPLES,
  words: [
    ...EXAMPLES.map((example) => example.subarray(MAGIC.length)),
    MAGIC,
    Uint8Array.of(8, 1),
    Uint8Array.of(0x1a, 16),
    Uint8Array.of(0x22, 4, 8, 1, 16, 1),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    Uint8Array.of(0x83, 0x01, 0x84, 0x01),
    Uint8Array.of(0x82, 0x01, 1, 0),
  ],
  maxLength: 300,
  suiteRuns: 200_000,
  run(input) {
    const decoded = decodeControl(input);
    if (decoded === undefined) return;
    must(isControl(input), "a control message without its magic word");
    checkFields(decoded, input.length);
    const bytes = encodeControl(decoded);
    const again = decodeControl(bytes);
    must(again !== undefined, "what was read cannot be read again");
    must(isEqual(encodeControl(again), bytes), "the same content has other bytes");
  },
};

function checkFields(
  { hello, resume, resumed, credits, fins, reasons, probe, answer }: Control,
  length: number,
): void {
  const positions = [...(resume ?? []), ...(resumed?.positions ?? [])];
  const entries = [...credits, ...fins, ...reasons, ...positions];
  must(entries.length <= length, "more entries than bytes came");
  for (const { connection } of entries) {
    must(
      connection > 0 && connection >>> 0 === connection && connection !== CONTROL_CONNECTION_ID,
      "no connection",
    );
  }
  for (const { address = "x" } of reasons) {
    const { length } = Buffer.from(address);
    must(length > 0 && length <= 128, "an address of a length that nobody says");
  }
  const counts = [
    ...credits.flatMap(({ limit, acknowledged }) => [limit, acknowledged]),
    ...fins.map(({ bytes }) => bytes),
    ...positions.map(({ received }) => received),
  ];
  must(
    counts.every((count) => Number.isSafeInteger(count) && count >= 0),
    "a count that is none",
  );
  const numbers = [probe, answer, ...reasons.map(({ why }) => why)];
  if (hello !== undefined) {
    must(hello.session.length === 16 && hello.version > 0, "a HELLO that says nothing");
    numbers.push(hello.version, hello.features, hello.window, hello.required);
  }
  must(
    numbers.every((number) => number >>> 0 === number),
    "a number of more than 32 bits",
  );
}
