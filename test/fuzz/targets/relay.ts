import { Relay, type Side } from "../../../src/emulator/relay/relay.ts";
import { decodeFrame, encodeFrame, MessageType } from "../../../src/protocol/message.ts";
import { Cursor } from "../cursor.ts";
import { likelyFrame } from "../messages.ts";
import { concat, isEqual, must, type Target } from "../target.ts";

const SIDES: readonly Side[] = ["source", "destination"];
const SERVICES = [[], ["SSH"], ["SSH", "VNC"]];
/** What the relay may say by itself. */
const OWN: readonly number[] = [MessageType.StreamReset, MessageType.ServiceIds];

/** One tunnel of the relay, with two sides that say anything and come and go. */
class Tunnel {
  readonly #relay = new Relay();
  readonly #services: readonly string[];
  /** What came from each side that is there. */
  readonly #came = new Map<Side, Uint8Array>();

  constructor(cursor: Cursor) {
    this.#services = cursor.pick(SERVICES);
    for (const side of SIDES) this.#join(side, true);
  }

  act(cursor: Cursor): void {
    const action = cursor.byte();
    const side = SIDES[action % 2] as Side;
    if (action < 8) this.#leave(side);
    else if (action < 20) this.#join(side, action < 18);
    else if (this.#came.has(side)) this.#receive(side, likelyFrame(cursor));
  }

  #join(side: Side, hasServiceIds: boolean): void {
    this.#relay.join(side, this.#services, hasServiceIds);
    this.#came.set(side, new Uint8Array(0));
    this.#check(undefined);
  }

  #leave(side: Side): void {
    this.#relay.leave(side);
    this.#came.delete(side);
    this.#check(undefined);
  }

  #receive(side: Side, bytes: Uint8Array): void {
    this.#came.set(side, concat([this.#came.get(side) as Uint8Array, bytes]));
    this.#relay.receive(side, bytes);
    this.#check(side);
  }

  /** What the relay does after bytes came from a side, or after one came or went. */
  #check(from: Side | undefined): void {
    const outputs = this.#relay.drain();
    for (const output of outputs) {
      if (output.type === "send") this.#checkSent(from, output.to, output.bytes);
      else if (output.type === "close") {
        must(output.side === from, "a side is closed for what another one did");
        must(output.error.code === "ERR_PROTOCOL", `closed with ${output.error.code}`);
      }
    }
    // As its server does: whatever else such a side sends is not read.
    if (from !== undefined && outputs.some(({ type }) => type === "close")) this.#leave(from);
  }

  #checkSent(from: Side | undefined, to: Side, frame: Uint8Array): void {
    must(this.#came.has(to), "something is sent to a side that is not there");
    const message = decodeFrame(frame);
    if (OWN.includes(message.type) && isEqual(frame, encodeFrame(message))) return;
    const came = from === undefined || from === to ? undefined : this.#came.get(from);
    must(came !== undefined && isAmong(frame, came), "a frame goes on that did not come");
  }
}

/** Whether a frame is somewhere in what came. */
function isAmong(frame: Uint8Array, came: Uint8Array): boolean {
  for (let at = came.length - frame.length; at >= 0; at--) {
    if (isEqual(came.subarray(at, at + frame.length), frame)) return true;
  }
  return false;
}

export const relay: Target = {
  name: "relay",
  examples: [
    Uint8Array.of(1, 100, 64, 2, 5, 0, 101, 64, 1, 5, 0, 1, 9, 100, 64, 7, 5, 0, 101, 64, 3, 1, 0),
    Uint8Array.of(2, 100, 64, 2, 5, 3, 100, 64, 6, 9, 3, 3, 9, 9, 101, 64, 1, 5, 3, 2, 1, 2),
    Uint8Array.of(0, 100, 64, 2, 1, 2, 100, 64, 1, 1, 2, 1, 1, 2, 0, 100, 64, 6, 9, 0),
  ],
  words: [
    Uint8Array.of(100, 64, 2, 5, 0),
    Uint8Array.of(100, 64, 6, 9, 0),
    Uint8Array.of(100, 64, 1, 5, 0, 1, 7),
    Uint8Array.of(101, 64, 1, 5, 0, 1, 7),
    Uint8Array.of(101, 64, 7, 5, 0),
    Uint8Array.of(100, 64, 3, 1, 0),
    Uint8Array.of(0),
    Uint8Array.of(1),
    Uint8Array.of(10),
    Uint8Array.of(11),
  ],
  maxLength: 240,
  suiteRuns: 60_000,
  run(input) {
    const cursor = new Cursor(input);
    const tunnel = new Tunnel(cursor);
    while (cursor.hasMore) tunnel.act(cursor);
  },
};
