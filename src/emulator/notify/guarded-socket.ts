import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { PacketMeter } from "./packet-meter.ts";

/** AWS IoT takes 128 KiB of payload; topic and packet identifier come on top. */
const MAX_PACKET_BYTES = 131_072 + 1_024;
/** A notification has about 600 bytes: a device that has not read more than a thousand of them does not read at all. */
const MAX_UNSENT_BYTES = 1_048_576;
/** So long may the last words to a client, such as a refusal, take. */
const FAREWELL_MS = 1_000;

/**
 * A device's socket as the broker sees it. It ends instead of storing a packet that is too long, and instead of
 * storing more than the device reads: a write is never held up, so that one slow device does not delay the others.
 */
export class GuardedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #meter = new PacketMeter(MAX_PACKET_BYTES);

  constructor(socket: Socket) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      done(new Error("it does not read what it is sent"));
      return;
    }
    this.#socket.write(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (error === null) {
      this.#socket.end();
      setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
    } else {
      this.#socket.destroy();
    }
    done(error);
  }

  #onData(chunk: Buffer): void {
    if (this.destroyed) {
      return;
    }
    if (!this.#meter.accept(chunk)) {
      this.destroy(new Error(`it sent a packet of more than ${MAX_PACKET_BYTES} bytes`));
    } else if (!this.push(chunk)) {
      this.#socket.pause();
    }
  }
}
