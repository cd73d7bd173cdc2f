import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Bytes the gate holds before it stops reading from the socket below. */
const GATE_BYTES = 64 * 1024;

/** Whether this runtime needs the gate: Deno goes on reading a paused TLS socket without limit. */
export const NEEDS_TLS_GATE = "Deno" in globalThis;

const gates = new WeakMap<object, TlsGate>();

/** The gate below a TLS socket, where there is one. */
export function gateOf(tlsSocket: object): TlsGate | undefined {
  return gates.get(tlsSocket);
}

/**
 * A stream between a TCP socket and the TLS on top of it that stops reading while it is held, so that a paused
 * WebSocket pushes back on its sender. Used where the runtime's TLS socket does not do so itself.
 */
export class TlsGate extends Duplex {
  readonly #socket: Socket;
  #isHeld = false;

  constructor(socket: Socket) {
    super({ readableHighWaterMark: GATE_BYTES, allowHalfOpen: true });
    this.#socket = socket;
    socket.pause();
    socket.on("data", (chunk) => {
      if (!this.push(chunk) || this.#isHeld) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  /** Makes gateOf find this gate. */
  guard(tlsSocket: object): void {
    gates.set(tlsSocket, this);
  }

  /** Stops reading. What TLS has already taken may still come out above. */
  hold(): void {
    this.#isHeld = true;
    this.#socket.pause();
  }

  /** Goes on reading. */
  release(): void {
    this.#isHeld = false;
    this.#socket.resume();
  }

  override _read(): void {
    if (!this.#isHeld) this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
