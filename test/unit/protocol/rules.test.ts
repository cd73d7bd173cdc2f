import { describe, expect, test } from "bun:test";
import { RemoteProtocolError } from "../../../src/base/errors.ts";
import { MessageType, makeMessage } from "../../../src/protocol/message.ts";
import { checkMessage, type Sender } from "../../../src/protocol/rules.ts";

const SENDERS: readonly Sender[] = ["source", "destination", "service"];
/** Who may send each type: source, destination, service (P14). */
const ALLOWED: readonly (readonly [
  type: keyof typeof MessageType,
  source: boolean,
  destination: boolean,
  service: boolean,
])[] = [
  ["Unknown", false, false, false],
  ["Data", true, true, false],
  ["StreamStart", true, false, false],
  ["StreamReset", true, true, true],
  ["SessionReset", false, false, true],
  ["ServiceIds", false, false, true],
  ["ConnectionStart", true, false, false],
  ["ConnectionReset", true, true, false],
];

function verdict(fields: Parameters<typeof makeMessage>[0], senders: readonly Sender[]): string {
  try {
    return checkMessage(makeMessage(fields), senders) ? "taken" : "skipped";
  } catch (error) {
    if (error instanceof RemoteProtocolError) return error.rule;
    throw error;
  }
}

describe("checkMessage", () => {
  const rows = ALLOWED.flatMap(([name, ...allowed]) =>
    SENDERS.map((sender, index) => [name, sender, allowed[index] ? "taken" : "P14"] as const),
  );
  test.each(rows)("answers to %s from the %s: %s", (name, sender, expected) => {
    expect(verdict({ type: MessageType[name], streamId: 1 }, [sender])).toBe(expected);
  });

  test("takes what one of several senders may send", () => {
    expect(verdict({ type: MessageType.SessionReset }, ["destination", "service"])).toBe("taken");
    expect(verdict({ type: MessageType.StreamStart, streamId: 1 }, ["destination", "service"])).toBe("P14");
  });

  test.each(ALLOWED.filter(([, source, destination]) => source || destination).map(([name]) => [name]))(
    "wants a stream id in %s (P21)",
    (name) => {
      expect(verdict({ type: MessageType[name] }, ["source"])).toBe("P21");
      expect(verdict({ type: MessageType[name], streamId: -1 }, ["source"])).toBe("taken");
    },
  );

  test.each([[8], [99], [-1]])("skips the unknown type %d only when it may be ignored (P17)", (type) => {
    expect(verdict({ type, ignorable: true }, ["source"])).toBe("skipped");
    expect(verdict({ type }, ["source"])).toBe("P17");
  });

  test("does not skip a known type that says it may be ignored (P17)", () => {
    expect(verdict({ type: MessageType.Data, streamId: 1, ignorable: true }, ["source"])).toBe("taken");
    expect(verdict({ type: MessageType.Unknown, ignorable: true }, ["source"])).toBe("P14");
  });
});
