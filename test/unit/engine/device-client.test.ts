// AWS's C client at the other end, with continuity and without: what it is told is the same.
import { describe, expect, test } from "bun:test";
import type { Session } from "../../../src/engine/continuity/session.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { CONTROL_CONNECTION_ID } from "../../../src/protocol/control.ts";
import { decodeControl } from "../../../src/protocol/control-reader.ts";
import { decodeFrame, type Message, MessageType, makeMessage } from "../../../src/protocol/message.ts";
import { ITS_DESTINATION } from "../../vectors/device-client-answers.ts";
import { ITS_SOURCE, type Play } from "../../vectors/device-client-wire.ts";
import { makeSession } from "./continuity/peers.ts";
import { accept, asked, filled, give, lineOf, makeDestination, makeSource, text } from "./harness.ts";

const PLAYS = [
  ...Object.entries(ITS_SOURCE).map(([name, play]) => [`as source: ${name}`, play] as const),
  ...Object.entries(ITS_DESTINATION).map(([name, play]) => [`as destination: ${name}`, play] as const),
];

const TYPES: Readonly<Record<string, number>> = {
  DATA: MessageType.Data,
  STREAM_START: MessageType.StreamStart,
  STREAM_RESET: MessageType.StreamReset,
  SESSION_RESET: MessageType.SessionReset,
  CONNECTION_START: MessageType.ConnectionStart,
  CONNECTION_RESET: MessageType.ConnectionReset,
};

function payloadOf(words: string): Uint8Array {
  const count = /^(\d+) bytes$/.exec(words)?.[1];
  return count === undefined ? text(words) : filled(Number(count));
}

function parse(line: string): Message {
  const [type = "", service = "", ids = "", ...payload] = line.split(" ");
  const [streamId, connectionId] = ids.split(".");
  const known = TYPES[type];
  if (known === undefined) throw new Error(`no type of a message: ${type}`);
  return makeMessage({
    type: known,
    serviceId: service === "-" ? "" : service,
    streamId: Number(streamId),
    connectionId: Number(connectionId ?? 0),
    payload: payloadOf(payload.join(" ")),
  });
}

/** Something local. */
function act(engine: Engine, line: string): void {
  const [what, name = "", ...words] = line.split(" ");
  const connection = { key: Number(name), serviceId: "" };
  if (what === "accept") accept(engine, name);
  else if (what === "data") engine.localData(connection, payloadOf(words.join(" ")));
  else if (what === "closed") engine.localClosed(connection);
  else throw new Error(`nothing that can be done: ${line}`);
}

/** What is sent, with HELLO apart. */
function spoken(engine: Engine): { lines: string[]; hellos: number } {
  const lines: string[] = [];
  let hellos = 0;
  for (let frame = engine.nextFrame(0); frame !== undefined; frame = engine.nextFrame(0)) {
    const one = decodeFrame(frame);
    const isControl = one.connectionId === CONTROL_CONNECTION_ID;
    if (isControl && decodeControl(one.payload)?.hello !== undefined) hellos += 1;
    else lines.push(`> ${lineOf(one)}`);
  }
  return { lines, hellos };
}

/** Plays the lines that come or are local, and writes down what follows from each. */
function replay({ side, services, lines }: Play, continuity: Session | undefined) {
  const unnamed = services?.length === 0 ? { entries: () => [""] } : {};
  const options = { continuity, ...(services === undefined ? {} : { services }), ...unnamed };
  const engine = side === "source" ? makeSource(options) : makeDestination(options);
  const transcript: string[] = [];
  let hellos = 0;
  for (const line of lines.filter((each) => /^[<!]/.test(each))) {
    if (line.startsWith("<")) give(engine, parse(line.slice(2)));
    else act(engine, line.slice(2));
    const said = spoken(engine);
    hellos += said.hellos;
    transcript.push(line, ...asked(engine).map((each) => `= ${each}`), ...said.lines);
  }
  return { transcript, hellos };
}

describe.each(PLAYS)("AWS's C client %s", (_name, play) => {
  test("meets what it meets today", () => {
    expect(replay(play, undefined)).toEqual({ transcript: [...play.lines], hellos: 0 });
  });

  test("meets nothing else with continuity", () => {
    expect(replay(play, makeSession(1))).toEqual({ transcript: [...play.lines], hellos: 0 });
  });
});
