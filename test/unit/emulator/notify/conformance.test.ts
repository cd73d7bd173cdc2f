// The embedded broker against byte sequences that Mosquitto's authors wrote, over TLS with a device certificate. What
// they publish ends in our refusal, their topics are not a device's own, and MQTT 5 is told that it is not spoken here.
import { expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { addThing } from "../../../../src/emulator/notify/things.ts";
import { startTestBroker, type TestBroker } from "../../../helpers/broker.ts";
import { CONFORMANCE_MARK, conformance, readCases, tally } from "../../../helpers/conformance.ts";
import { notifyTopic } from "../../../helpers/mqtt.ts";
import { waitFor } from "../../../helpers/wait.ts";

interface Step {
  readonly type: string;
  readonly payload: string;
}
interface Case {
  readonly name: string;
  readonly ver?: number;
  readonly connect?: boolean;
  readonly expect_disconnect?: boolean;
  readonly msgs: readonly Step[];
}
interface Group {
  readonly group: string;
  readonly ver?: number;
  readonly connect?: boolean;
  readonly tests: readonly Case[];
}

const FOLDER = conformance("mqtt");
const REFUSAL_OF_5 = "2003008400";
/** Devices that are connected at once. */
const AT_ONCE = 8;
const PATIENCE_MS = 10_000;

/** Bytes of a payload in the notation of the files. */
function bytesOf(payload: string): Buffer {
  const words = payload.match(/'[^']*'|\S+/g) ?? [];
  return Buffer.concat(words.map(bytesOfWord));
}

function bytesOfWord(word: string): Buffer {
  const number = Number(word.slice(1));
  switch (word[0]) {
    case "'":
      return Buffer.from(word.slice(1, -1));
    case "r":
    case "v":
      return variableLength(number);
    case "m":
      return bigEndian(Number.parseInt(word.slice(1), 16), 2);
    case "s":
    case "k":
    case "H":
      return bigEndian(number, 2);
    case "L":
      return bigEndian(number, 4);
    default:
      return Buffer.from(word, "hex");
  }
}

function bigEndian(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

function variableLength(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
  }
  return Buffer.from(bytes);
}

/** A device that says what it is told to. */
class Talk {
  readonly #socket: TLSSocket;
  #received = Buffer.alloc(0);
  #isClosed = false;
  #wake = () => {};

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    const wake = () => this.#wake();
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      wake();
    });
    socket.on("close", () => {
      this.#isClosed = true;
      wake();
    });
  }

  static async open(broker: TestBroker, identity: Awaited<ReturnType<typeof addThing>>): Promise<Talk> {
    const socket = connect({
      host: "127.0.0.1",
      servername: "localhost",
      port: broker.broker.port,
      ca: readFileSync(identity.caPath),
      cert: readFileSync(identity.certificatePath),
      key: readFileSync(identity.keyPath),
    });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    return new Talk(socket);
  }

  send(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#socket.write(bytes);
  }

  /** The next bytes in hexadecimal; fewer when the connection ends. */
  async receive(count: number): Promise<string> {
    await this.#until(() => this.#received.length >= count);
    const bytes = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return bytes.toString("hex");
  }

  async ends(): Promise<boolean> {
    return this.#until(() => false);
  }

  end(): void {
    this.#socket.destroy();
  }

  /** True when the connection is over, false when `isDone` came first; throws when neither comes. */
  #until(isDone: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("hangs")), PATIENCE_MS);
      this.#wake = () => {
        if (!isDone() && !this.#isClosed) return;
        clearTimeout(timer);
        resolve(!isDone());
      };
      this.#wake();
    });
  }
}

const isPublish = (bytes: Buffer) => (bytes[0] ?? 0) >> 4 === 3;

/** What the broker is to answer: no device may subscribe to topics of the files. */
function expected(answer: Buffer): string {
  const isSuback = answer[0] === 0x90;
  return Buffer.from(answer.map((byte, at) => (isSuback && at >= 4 ? 0x80 : byte))).toString("hex");
}

/** Runs a case of MQTT 3.1 or 3.1.1; returns what is wrong. */
async function runCase(talk: Talk, each: Case, group: Group): Promise<string | undefined> {
  if (each.connect ?? group.connect ?? true) {
    talk.send(bytesOf("10 r17 s4 'MQTT' 04 02 k10 s5 'first'"));
    const answer = await talk.receive(4);
    if (answer !== "20020000") return `no way in: ${answer}`;
  }
  for (const { type, payload } of each.msgs) {
    const bytes = bytesOf(payload);
    if (type === "send") {
      talk.send(bytes);
      if (isPublish(bytes)) return (await talk.ends()) ? undefined : "may publish";
    } else {
      const answer = await talk.receive(bytes.length);
      if (answer !== expected(bytes)) return `answered ${answer}`;
    }
  }
  if (each.expect_disconnect ?? true) return (await talk.ends()) ? undefined : "is still connected";
  talk.send(Buffer.of(0xc0, 0));
  return (await talk.receive(2)) === "d000" ? undefined : "is gone";
}

/** Runs a case of MQTT 5, of which the broker hears the beginning only. */
async function runCase5(talk: Talk, each: Case, group: Group): Promise<string | undefined> {
  const isConnecting = each.connect ?? group.connect ?? true;
  if (isConnecting) talk.send(bytesOf("10 r18 s4 'MQTT' 05 02 k10 v0 s5 'first'"));
  for (const { type, payload } of each.msgs) if (type === "send") talk.send(bytesOf(payload));
  const answer = await talk.receive(5);
  if (isConnecting && answer !== REFUSAL_OF_5) return `answered ${answer}`;
  if (!isConnecting && ![REFUSAL_OF_5, ""].includes(answer) && !answer.startsWith("20")) {
    return `said ${answer}`;
  }
  return (await talk.ends()) ? undefined : "is still connected";
}

test.skipIf(FOLDER === undefined)(
  `every sequence ends as it should, and nobody else is disturbed ${CONFORMANCE_MARK}`,
  async () => {
    await using broker = await startTestBroker();
    await using bystander = await broker.connect("bystander", { clientId: "first" });
    await bystander.subscribe(notifyTopic("bystander"));
    let isDisturbed = false;
    void bystander.closed.then(() => {
      isDisturbed = true;
    });
    const folder = FOLDER ?? "";
    const cases = readdirSync(folder)
      .flatMap((file) => readCases<Group[]>(join(folder, file)))
      .flatMap((group) => group.tests.map((each) => ({ group, each })))
      // Three steps that ask the test to publish for itself: broker.test.ts has them in our own words.
      .filter(({ each }) => each.msgs.every(({ type }) => type === "send" || type === "recv"));
    expect(cases.length).toBeGreaterThan(1_400);
    const failures: string[] = [];
    const queue = cases.values();
    const device = async (_: unknown, index: number) => {
      const identity = await addThing(broker.stateDir, `device-${index}`);
      for (const { group, each } of queue) {
        const talk = await Talk.open(broker, identity);
        const run = (each.ver ?? group.ver ?? 4) === 5 ? runCase5 : runCase;
        const failure = await run(talk, each, group).catch(String);
        talk.end();
        if (failure !== undefined) failures.push(`${group.group}: ${each.name}: ${failure}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, device));
    expect(failures).toEqual([]);
    broker.notify("bystander", "still here");
    await waitFor("its notification", () => bystander.received.length > 0);
    expect([bystander.payloads, isDisturbed]).toEqual([["still here"], false]);
    tally("MQTT sequences", cases.length);
  },
  180_000,
);
