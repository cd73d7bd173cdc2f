// MQTT in tests: mosquitto's own clients, and a real mosquitto as broker.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createAuthority,
  createDeviceAuthority,
  issueDeviceCertificate,
  issueServerCertificate,
} from "../../src/emulator/certificates/authority.ts";
import type { ThingIdentity } from "../../src/emulator/notify/things.ts";
import { type Exit, TestProcess } from "./process.ts";
import { freePort } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";
import { waitFor } from "./wait.ts";

/** A message as mosquitto_sub prints it with `-F %j`. */
export interface ReceivedMessage {
  readonly topic: string;
  readonly qos: number;
  readonly retain: number;
  readonly payload: string;
}

/** The topic on which the device of a thing is notified. */
export function notifyTopic(thing: string): string {
  return `$aws/things/${thing}/tunnels/notify`;
}

/** Options of mosquitto_sub and mosquitto_pub that connect as a device; `mqtt` is host:port. */
export function deviceWords(mqtt: string, identity: Omit<ThingIdentity, "name">): string[] {
  const [host = "", port = ""] = mqtt.split(":");
  const { caPath, certificatePath, keyPath } = identity;
  return ["-h", host, "-p", port, "--cafile", caPath, "--cert", certificatePath, "--key", keyPath];
}

/** Runs mosquitto_pub to its end, with QoS 1. */
export function publish(words: readonly string[], topic: string, message: string): Promise<Exit> {
  return runMosquitto("mosquitto_pub", [...words, "-q", "1", "-t", topic, "-m", message]);
}

async function runMosquitto(program: string, args: readonly string[]): Promise<Exit> {
  await using child = new TestProcess(program, args, { PATH: process.env["PATH"] });
  return await child.exited;
}

/** A mosquitto_sub for one topic filter, with QoS 1. Going out of scope kills it. */
export class Subscriber implements AsyncDisposable {
  readonly process: TestProcess;

  /** `format` is how it prints a message; `messages` and `message` need the default. */
  constructor(words: readonly string[], filter: string, format = "%j") {
    const args = ["-oL", "mosquitto_sub", ...words, "-q", "1", "-t", filter, "-d", "-F", format];
    this.process = new TestProcess("stdbuf", args, { PATH: process.env["PATH"] });
  }

  /** The QoS that the broker grants; 128 is its refusal. */
  async granted(): Promise<number> {
    const [, qos] = await this.process.waitForLine(/^Subscribed \(mid: \d+\): (\d+)$/);
    return Number(qos);
  }

  /** All messages so far. */
  get messages(): ReceivedMessage[] {
    return this.process.lines.stdout.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  /** Message number `index`, from 0, as soon as it is there. */
  message(index = 0): Promise<ReceivedMessage> {
    return waitFor(`message ${index}`, () => this.messages[index]);
  }

  /** The first message that is as wanted. */
  waitFor(isWanted: (message: ReceivedMessage) => boolean): Promise<ReceivedMessage> {
    return waitFor("a message", () => this.messages.find(isWanted));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

/** A mosquitto with the access control list that docs/ci-and-emulator.md gives. */
export interface Mosquitto extends AsyncDisposable {
  /** host:port where clients show a certificate, whose common name is their user name. */
  readonly mqtt: string;
  /** host:port, over TLS too, where they show a password. */
  readonly passwordMqtt: string;
  /** Of the user serve-local. */
  readonly password: string;
  /** Files of a client of this name. */
  identity(name: string): Promise<ThingIdentity>;
  /** Starts the program again on the same ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const ACCESS_CONTROL = `
user serve-local
topic write $aws/things/+/tunnels/notify

pattern read $aws/things/%u/tunnels/notify
`;

export async function startMosquitto(): Promise<Mosquitto> {
  const dir = tempDir();
  const file = (name: string, content?: string) => {
    const path = join(dir.path, name);
    if (content !== undefined) writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const now = Date.now();
  const authority = await createAuthority(["localhost"], now);
  const server = await issueServerCertificate(
    authority,
    { names: ["localhost"], addresses: ["127.0.0.1"] },
    now,
  );
  const clients = await createDeviceAuthority(now);
  const caPath = file("ca.pem", authority.certificate);
  const password = "s3cret/with:signs@";
  await runMosquitto("mosquitto_passwd", ["-b", "-c", file("passwords"), "serve-local", password]);
  const [port, passwordPort] = [await freePort(), await freePort()];
  const listener = (at: number) => `
listener ${at} 127.0.0.1
allow_anonymous false
acl_file ${file("acl", ACCESS_CONTROL)}
certfile ${file("server.pem", server.certificate)}
keyfile ${file("server.key", server.privateKey)}`;
  const config = file(
    "mosquitto.conf",
    `per_listener_settings true
log_dest stderr
user root
${listener(port)}
cafile ${file("clients.pem", clients.certificate)}
require_certificate true
use_identity_as_username true
${listener(passwordPort)}
password_file ${file("passwords")}
`,
  );
  let broker: TestProcess;
  const start = async () => {
    broker = new TestProcess("/usr/sbin/mosquitto", ["-c", config], {});
    await broker.waitForLine(/mosquitto version .* running/, "stderr");
  };
  const stop = async () => void (await broker.kill());
  await start();
  return {
    mqtt: `localhost:${port}`,
    passwordMqtt: `localhost:${passwordPort}`,
    password,
    identity: async (name) => {
      const { certificate, privateKey } = await issueDeviceCertificate(clients, name, Date.now());
      const certificatePath = file(`${name}.pem`, certificate);
      return { name, caPath, certificatePath, keyPath: file(`${name}.key`, privateKey) };
    },
    restart: start,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      dir[Symbol.dispose]();
    },
  };
}
