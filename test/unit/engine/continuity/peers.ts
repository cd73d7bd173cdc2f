// Engines with continuity whose other end is played by the test, message by message.
import { expect } from "bun:test";
import { Session } from "../../../../src/engine/continuity/session.ts";
import type { Engine } from "../../../../src/engine/engine.ts";
import {
  CONTROL_CONNECTION_ID,
  type Control,
  encodeControl,
  type Hello,
} from "../../../../src/protocol/control.ts";
import { decodeControl } from "../../../../src/protocol/control-reader.ts";
import { decodeFrame, type Message } from "../../../../src/protocol/message.ts";
import { FIRST_STREAM_ID } from "../../../helpers/stream-ids.ts";
import { accept, asked, give, lineOf, makeDestination, makeSource, message, text } from "../harness.ts";

export const RESUME_TIMEOUT_MS = 60_000;
/** A stream id of a source of ours (P21), 2097164. */
export const OURS = 2 * FIRST_STREAM_ID;

/** A session whose ids are its number, then 1, 2, … */
export function makeSession(number: number, resumeTimeoutMs = RESUME_TIMEOUT_MS): Session {
  let last = 0;
  const newId = () => new Uint8Array(16).fill(++last);
  return new Session({ id: new Uint8Array(16).fill(number), newId, resumeTimeoutMs });
}

/** HELLO of a session whose id is a number 16 times, or some bytes. */
export function hello(id: number | Uint8Array, more: Partial<Hello> = {}): Hello {
  const session = typeof id === "number" ? new Uint8Array(16).fill(id) : id;
  return { version: 1, features: 0, session, window: 16_384, required: 0, ...more };
}

/** A control message of a stream. */
export function control(streamId: number, content: Partial<Control>, more: Partial<Message> = {}): Message {
  return message("Data", streamId, CONTROL_CONNECTION_ID, { payload: encodeControl(content), ...more });
}

/** What an engine says on control channels, and everything else as lines. */
export function said(engine: Engine, now = 0): { controls: Control[]; lines: string[] } {
  const controls: Control[] = [];
  const lines: string[] = [];
  for (let frame = engine.nextFrame(now); frame !== undefined; frame = engine.nextFrame(now)) {
    const one = decodeFrame(frame);
    const decoded = one.connectionId === CONTROL_CONNECTION_ID ? decodeControl(one.payload) : undefined;
    if (decoded === undefined) lines.push(lineOf(one));
    else controls.push(decoded);
  }
  return { controls, lines };
}

/** A destination that carries connections 1 … `count` of a source of ours with the session id 7, both HELLOs said. */
export function pairedDestination(session = makeSession(9), count = 1): Engine {
  const engine = makeDestination({ continuity: session });
  give(engine, message("StreamStart", OURS, 1));
  for (let id = 2; id <= count; id++) give(engine, message("ConnectionStart", OURS, id));
  give(engine, control(OURS, { hello: hello(7) }));
  said(engine);
  asked(engine);
  return engine;
}

/** A source with connections 1 … `count`, 3 bytes sent in each, and a destination with the session id 9. */
export function pairedSource(session = makeSession(5), count = 1): Engine {
  const engine = makeSource({ continuity: session, format: 3 });
  for (let id = 1; id <= count; id++) engine.localData(accept(engine), text("abc"));
  said(engine);
  give(engine, control(FIRST_STREAM_ID, { hello: hello(9) }));
  said(engine);
  asked(engine);
  return engine;
}

/** A connection still carries both ways; its key is its id. */
export function expectAlive(engine: Engine, streamId: number, id = 2): void {
  give(engine, message("Data", streamId, id, { payload: text("ping") }));
  expect(asked(engine)).toContain(`write ${id} ping`);
  engine.localData({ key: id, serviceId: "SSH" }, text("pong"));
  expect(said(engine).lines).toContain(`DATA SSH ${streamId}.${id} pong`);
}
