import { RemoteProtocolError } from "../../../src/base/errors.ts";
import { FrameSplitter } from "../../../src/protocol/frame.ts";
import { Cursor } from "../cursor.ts";
import { attempt, isEqual, must, type Target } from "../target.ts";

/** Longest frame: its length and 65,535 bytes. */
const MAX_FRAME = 65_537;
const WHOLE = new Uint8Array(0);

/** What comes out of a splitter for `bytes` in pieces. */
interface Split {
  readonly frames: Uint8Array[];
  /** It refused: a message of length zero. */
  readonly isBroken: boolean;
}

/** The sequence of bytes of a WebSocket, cut anywhere: the first byte says how many cuts follow. */
export const frames: Target = {
  name: "frames",
  examples: [
    Uint8Array.of(0, 0, 1, 7),
    Uint8Array.of(2, 1, 3, 0, 2, 8, 1, 0, 3, 1, 2, 3),
    Uint8Array.of(3, 1, 1, 1, 0, 1, 9, 0, 1, 9, 0, 0),
    Uint8Array.of(1, 4, 1, 0, ...new Array(256).fill(5), 0, 1, 3),
  ],
  words: [Uint8Array.of(0, 1, 0), Uint8Array.of(0, 2, 0, 0), Uint8Array.of(0, 0), Uint8Array.of(1, 0)],
  maxLength: 600,
  suiteRuns: 600_000,
  run(input) {
    const cursor = new Cursor(input);
    const cuts = cursor.take(cursor.below(16));
    const bytes = cursor.rest();
    const whole = split(bytes, WHOLE);
    checkFrames(bytes, whole);
    checkSame(whole, split(bytes, cuts));
  },
};

function split(bytes: Uint8Array, cuts: Uint8Array): Split {
  const splitter = new FrameSplitter();
  const found: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; index <= cuts.length; index++) {
    const length = cuts[index] ?? bytes.length;
    const piece = bytes.subarray(at, at + length);
    at += piece.length;
    const given = attempt(() => splitter.push(piece), RemoteProtocolError);
    if (given instanceof RemoteProtocolError) return { frames: found, isBroken: true };
    for (const frame of given) found.push(frame);
  }
  return { frames: found, isBroken: false };
}

/** Each frame is as long as it says, they are the beginning of what came, and no whole frame is held back. */
function checkFrames(bytes: Uint8Array, { frames: found, isBroken }: Split): void {
  let at = 0;
  for (const frame of found) {
    must(
      frame.length === 2 + (((frame[0] ?? 0) << 8) | (frame[1] ?? 0)),
      "a frame has another length than it says",
    );
    must(isEqual(frame, bytes.subarray(at, at + frame.length)), "a frame has other bytes than came");
    at += frame.length;
  }
  const rest = bytes.subarray(at);
  must(rest.length < MAX_FRAME, "more than a frame is held back");
  if (isBroken || rest.length < 2) return;
  must(rest.length < 2 + (((rest[0] ?? 0) << 8) | (rest[1] ?? 0)), "a whole frame is held back");
}

/** Where bytes are refused, the frames before the fault may come or not: the session is over either way. */
function checkSame(whole: Split, cut: Split): void {
  must(whole.isBroken === cut.isBroken, "what is refused depends on where it was cut");
  must(
    whole.isBroken || whole.frames.length === cut.frames.length,
    "the frames depend on where they were cut",
  );
  for (const [index, frame] of cut.frames.entries()) {
    const same = whole.frames[index];
    must(same === undefined || isEqual(frame, same), "a frame depends on where it was cut");
  }
}
