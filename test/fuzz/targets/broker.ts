import type { Socket } from "node:net";
import process from "node:process";
import { type Duplex, duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { getLogger } from "../../../src/base/log.ts";
import { DeviceGate } from "../../../src/emulator/notify/device-gate.ts";
import { GuardedSocket } from "../../../src/emulator/notify/guarded-socket.ts";
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
    const { gate, witness } = await house;
    const seen = witness.messages;
    const [near, far] = duplexPair();
    const heard = listen(far);
    // What a socket has and a stream has not, nobody asks for here.
    gate.admit(new GuardedSocket(near as unknown as Socket), { thingName: OWN, certificate: input });
    far.write(input.slice());
    await turns();
    gate.publish({ topic: TOPIC(OTHER), payload: "for the other thing" });
    gate.publish({ topic: TOPIC(OWN), payload: "for this thing" });
    await turns();
    far.destroy();
    near.destroy();
    await turns();
    if (uncaught.length > 0) throw uncaught.pop();
    const answer = heard();
    must(!answer.includes("for the other thing"), "a device hears of another thing");
    must(!answer.includes("evil"), "what a device published was delivered");
    must(answer.length < 4 * input.length + 300, "an answer longer than what it answers");
    must(witness.messages === seen + 1, "another device did not hear what is its own, alone");
    must(gate.size === 1, "a connection is left behind");
  },
};

interface House {
  readonly gate: DeviceGate;
  /** A device of another thing: how many messages it has heard. */
  readonly witness: { readonly messages: number };
}

let house: Promise<House> | undefined;

/** What the broker throws where nobody waits for it: the end of a serve-local. */
const uncaught: unknown[] = [];

async function openHouse(): Promise<House> {
  process.on("uncaughtException", (error) => uncaught.push(error));
  process.on("unhandledRejection", (error) => uncaught.push(error));
  const gate = new DeviceGate({ isRegistered: () => true, log: getLogger("test") });
  await gate.open();
  const [near, far] = duplexPair();
  let messages = 0;
  far.on("data", (chunk: Buffer) => {
    messages += chunk.toString("latin1").split(TOPIC(OTHER)).length - 1;
  });
  gate.admit(new GuardedSocket(near as unknown as Socket), { thingName: OTHER, certificate: CONNECT });
  far.write(Buffer.concat([CONNECT.slice(0, -2), ...text("ot"), subscribe(TOPIC(OTHER), 0)]));
  await turns();
  return {
    gate,
    witness: {
      get messages() {
        return messages;
      },
    },
  };
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
