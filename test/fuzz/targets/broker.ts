import process from "node:process";
import { type Duplex, duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { getLogger } from "../../../src/base/log.ts";
import { Connection } from "../../../src/emulator/notify/connection.ts";
import { isOwnTopic } from "../../../src/emulator/notify/notify-message.ts";
import { Sessions } from "../../../src/emulator/notify/sessions.ts";
import { KEEPS_NOTHING } from "../../../src/emulator/store/session-store.ts";
import { concat, must, type Target, text } from "../target.ts";

const OWN = "pump-7";
const OTHER = "pump-8";
/** Turns of the event loop after which the broker has read what came, and sent what it has to. */
const TURNS = 4;

/** An MQTT string: its length and its bytes. */
function string(content: string): Uint8Array {
  const bytes = Buffer.from(content);
  return Uint8Array.of(bytes.length >> 8, bytes.length & 255, ...bytes);
}

function packet(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(parts);
  return Uint8Array.of(type, body.length, ...body);
}

const id = Uint8Array.of(0, 7);
const CONNECT = packet(0x10, string("MQTT"), Uint8Array.of(4, 2, 0, 60), string("me"));
const CONNECT_5 = packet(0x10, string("MQTT"), Uint8Array.of(5, 2, 0, 60, 0), string("me"));
const CONNECT_WILL = packet(
  0x10,
  string("MQTT"),
  Uint8Array.of(4, 0xee, 0, 0),
  ...["id", "w", "will", "user", "pass"].map(string),
);
const subscribe = (filter: string, qos = 1) => packet(0x82, id, string(filter), Uint8Array.of(qos));
const TOPIC = (thing: string) => `$aws/things/${thing}/tunnels/notify`;
const PUBLISH = packet(0x32, string(TOPIC(OTHER)), id, ...text("evil"));

/** A connection of a device to the broker, behind TLS: MQTT packets of any kind. */
export const broker: Target = {
  name: "broker",
  examples: [
    concat([CONNECT, subscribe(TOPIC(OWN)), packet(0xc0), packet(0xe0)]),
    concat([CONNECT, subscribe(TOPIC(OTHER)), subscribe("#"), subscribe("$aws/things/+/#")]),
    concat([CONNECT_WILL, subscribe(`$aws/things/${OWN}/#`, 0), packet(0xa2, id, string(TOPIC(OWN)))]),
    concat([CONNECT, PUBLISH]),
    concat([CONNECT_5, packet(0x82, id, Uint8Array.of(0), string("$share/g/#"), Uint8Array.of(1))]),
    concat([
      CONNECT,
      subscribe(TOPIC(OWN)),
      packet(0x40, id),
      packet(0x62, id),
      packet(0x50, id),
      packet(0x70, id),
    ]),
  ],
  words: [
    ...[
      CONNECT,
      CONNECT_5,
      CONNECT_WILL,
      PUBLISH,
      subscribe(TOPIC(OWN)),
      subscribe(TOPIC(OTHER)),
      subscribe("#"),
    ],
    ...[subscribe("+/things/#"), subscribe(""), packet(0xc0), packet(0xe0), packet(0xf0), packet(0x40, id)],
    ...[
      packet(0x30, string(TOPIC(OWN))),
      packet(0x34, string("a"), id),
      string("__proto__"),
      string(TOPIC(OTHER)),
    ],
    ...[Uint8Array.of(0xff, 0xff, 0xff, 0x7f), Uint8Array.of(0x80, 0x80, 0x80, 0x80), Uint8Array.of(0x10, 0)],
  ],
  maxLength: 600,
  suiteRuns: 2_000,
  async run(input) {
    house ??= openHouse();
    const { sessions, witness } = await house;
    const seen = witness.messages;
    const [near, far] = duplexPair();
    const heard = listen(far);
    const closed = Promise.withResolvers<void>();
    const connection = admit(near, OWN, sessions, () => closed.resolve());
    far.write(input.slice());
    await turns();
    publish(sessions, OTHER, "for the other thing");
    publish(sessions, OWN, "for this thing");
    await turns();
    far.destroy();
    near.destroy();
    await closed.promise;
    online.delete(connection);
    if (uncaught.length > 0) throw uncaught.pop();
    const answer = heard();
    must(!answer.includes("for the other thing"), "a device hears of another thing");
    must(!answer.includes("evil"), "what a device published was delivered");
    must(answer.length < 4 * input.length + 20_000, "an answer longer than what it answers");
    must(witness.messages === seen + 1, "another device did not hear what is its own, alone");
    must(sessions.ofThing(OWN).length <= 20, "sessions without bound");
    for (const { pending, filters } of sessions.ofThing(OWN)) {
      must(pending.length <= 100 && filters.size <= 50, "a session without bound");
      must(
        [...filters.keys()].every((filter) => isOwnTopic(filter, OWN)),
        "a subscription to another thing",
      );
    }
  },
};

interface House {
  readonly sessions: Sessions;
  /** A device of another thing: how many messages it has heard. */
  readonly witness: { readonly messages: number };
}

let house: Promise<House> | undefined;
const online = new Set<Connection>();
/** What is thrown where nobody waits for it: the end of a serve-local. */
const uncaught: unknown[] = [];

async function openHouse(): Promise<House> {
  process.on("uncaughtException", (error) => uncaught.push(error));
  process.on("unhandledRejection", (error) => uncaught.push(error));
  const log = getLogger("test");
  const sessions = new Sessions(KEEPS_NOTHING, log, Date.now());
  const [near, far] = duplexPair();
  const witness = { messages: 0 };
  far.on("data", (chunk: Buffer) => {
    witness.messages += chunk.toString("latin1").split(TOPIC(OTHER)).length - 1;
  });
  admit(near, OTHER, sessions, () => {});
  far.write(Buffer.concat([CONNECT.slice(0, -2), ...text("ot"), subscribe(TOPIC(OTHER), 0)]));
  await turns();
  return { sessions, witness };
}

/** What a socket has and a stream has not, nobody asks for here. */
function admit(stream: Duplex, thingName: string, sessions: Sessions, onClose: () => void): Connection {
  const device = { thingName, fingerprint: thingName };
  const handlers = { onConnect: () => {}, onRefusal: () => {}, onClose };
  const connection = new Connection(stream as unknown as TLSSocket, device, sessions, handlers);
  online.add(connection);
  return connection;
}

/** As the broker does. */
function publish(sessions: Sessions, thing: string, payload: string): void {
  const message = { topic: TOPIC(thing), payload };
  for (const session of sessions.ofThing(thing)) {
    const qos = session.qosOf(message.topic);
    if (qos === undefined) continue;
    const pending = qos === 0 ? undefined : sessions.enqueue(session, message, Date.now());
    for (const each of online) if (each.session === session) each.deliver(message, pending);
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
}

/** Collects what a stream gives, as text. */
function listen(stream: Duplex): () => string {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  return () => Buffer.concat(chunks).toString("latin1");
}
