import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RemoteProtocolError } from "../../src/base/errors.ts";
import { MAX_WEBSOCKET_FRAME_BYTES } from "../../src/protocol/constants.ts";
import { FrameSplitter } from "../../src/protocol/frame.ts";
import { decodeFrame, encodeFrame } from "../../src/protocol/message.ts";
import { hex, oracleDecode, oracleFrame, plain } from "../unit/protocol/oracle.ts";
import { anyMessage, concat, cutAt, hostileBytes } from "./messages.ts";

const fraction = fc.double({ min: 0, max: 1, noNaN: true });

describe("the codec", () => {
  test("writes what the schema reads, and reads what the schema writes", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(oracleDecode(encodeFrame(message))).toEqual(plain(message));
        expect(plain(decodeFrame(oracleFrame({ ...message })))).toEqual(plain(message));
      }),
      { numRuns: 500 },
    );
  });

  test("reads the same whatever kind of array the bytes are in", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const frame = encodeFrame(message);
        expect(plain(decodeFrame(Buffer.from(frame)))).toEqual(plain(decodeFrame(frame)));
      }),
    );
  });

  test("answers any bytes with a message or with a broken rule, and agrees with the schema on messages", () => {
    fc.assert(
      fc.property(hostileBytes, (bytes) => {
        const message = messageOf(bytes);
        if (message !== undefined) expect(plain(message)).toEqual(oracleDecode(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("FrameSplitter", () => {
  test("gives the same frames however the bytes were cut", () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 6 }),
        fc.array(fraction, { maxLength: 30 }),
        (messages, cuts) => {
          const frames = messages.map(encodeFrame);
          const splitter = new FrameSplitter();
          const found = cutAt(concat(frames), cuts).flatMap((piece) => splitter.push(piece).map(hex));
          expect(found).toEqual(frames.map(hex));
        },
      ),
    );
  });

  test("gives the same frames when cut into WebSocket frames of any length up to the longest", () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 2, maxLength: 20 }),
        fc.integer({ min: 1, max: MAX_WEBSOCKET_FRAME_BYTES }),
        (messages, length) => {
          const frames = messages.map(encodeFrame);
          const whole = concat(frames);
          const size = Math.max(length, Math.ceil(whole.length / 2_000));
          const splitter = new FrameSplitter();
          const found: string[] = [];
          for (let at = 0; at < whole.length; at += size) {
            found.push(...splitter.push(whole.subarray(at, at + size)).map(hex));
          }
          expect(found).toEqual(frames.map(hex));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("takes any bytes, and gives no frame longer than a length can say (P11)", () => {
    fc.assert(
      fc.property(fc.array(hostileBytes, { maxLength: 10 }), (pieces) => {
        const splitter = new FrameSplitter();
        let given = 0;
        const isSound = holds(() => {
          for (const piece of pieces) {
            for (const frame of splitter.push(piece)) {
              expect(frame.length).toBe(2 + (((frame[0] as number) << 8) | (frame[1] as number)));
              given += frame.length;
            }
          }
        });
        const came = pieces.reduce((sum, piece) => sum + piece.length, 0);
        expect(given).toBeLessThanOrEqual(came);
        if (isSound) expect(came - given).toBeLessThanOrEqual(65_537);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** False when a rule of the wire was broken; anything else is a bug. */
function holds(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof RemoteProtocolError) return false;
    throw error;
  }
}

function messageOf(bytes: Uint8Array) {
  let message: ReturnType<typeof decodeFrame> | undefined;
  holds(() => {
    message = decodeFrame(bytes);
  });
  return message;
}
