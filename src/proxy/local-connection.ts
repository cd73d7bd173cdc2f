import type { Socket } from "node:net";
import type { Connection } from "../engine/output.ts";

/** Bytes that may wait for one local socket before it holds back the whole tunnel: the wire has no windows (P62). */
const FULL_BYTES = 1024 * 1024;
/** … and below which it lets go again. */
const ROOM_BYTES = 512 * 1024;
/** How long a socket that was told to end may take without moving a byte. */
const END_TIMEOUT_MS = 30_000;

/** What an application may send after the end before it gets RST: so much … */
const MAX_DROPPED_BYTES = 1024 * 1024;
/** … and for so long after our FIN. */
const DROP_MS = 2_000;

/** Who is told what a local socket does. */
export interface LocalHandlers {
  onData(local: LocalConnection, bytes: Uint8Array): void;
  /** The application will send no more. */
  onEnd(local: LocalConnection): void;
  /** The socket is gone; `error` when it did not go by itself. */
  onClose(local: LocalConnection, error: Error | undefined): void;
  /** What waited for the socket went out. */
  onDrain(local: LocalConnection): void;
}

/** A connection of the engine with its local socket and what it has carried. */
export class LocalConnection {
  readonly connection: Connection;
  readonly socket: Socket;
  /** Set when the engine no longer knows the connection: nothing more may be told to it. */
  isDetached = false;
  isPaused = false;
  /** Milliseconds since 1970, for people. */
  readonly openedAt = Date.now();
  bytesToTunnel = 0;
  bytesFromTunnel = 0;
  /** When our FIN went out. */
  #endedAt: number | undefined;
  #droppedBytes = 0;

  constructor(connection: Connection, socket: Socket, handlers: LocalHandlers) {
    this.connection = connection;
    this.socket = socket;
    let failure: Error | undefined;
    socket.on("data", (bytes) => {
      if (this.isDetached) return this.#drop(bytes.length);
      this.bytesToTunnel += bytes.length;
      handlers.onData(this, bytes as Uint8Array);
    });
    socket.on("end", () => handlers.onEnd(this));
    socket.on("drain", () => handlers.onDrain(this));
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => handlers.onClose(this, failure));
    socket.resume();
  }

  write(bytes: Uint8Array): void {
    this.bytesFromTunnel += bytes.length;
    if (this.socket.writable) this.socket.write(bytes);
  }

  get isFull(): boolean {
    return this.socket.writableLength > FULL_BYTES;
  }

  get hasRoom(): boolean {
    return this.socket.writableLength <= ROOM_BYTES || this.socket.destroyed;
  }

  /** Stops or goes on reading from the application. */
  setPaused(isPaused: boolean): void {
    if (isPaused === this.isPaused) return;
    this.isPaused = isPaused;
    if (isPaused) this.socket.pause();
    else this.socket.resume();
  }

  /** FIN after the last byte. What the application still sends goes nowhere: it learns so by RST before long. */
  end(): void {
    this.isDetached = true;
    this.setPaused(false);
    this.socket.end(() => {
      this.#endedAt = performance.now();
      if (this.isPaused) this.reset();
    });
    this.socket.setTimeout(END_TIMEOUT_MS, () => this.socket.destroy());
  }

  /** RST, at once. */
  reset(): void {
    this.isDetached = true;
    this.socket.resetAndDestroy();
  }

  /** Bytes that came after the end. Its last ones may have crossed our FIN: at first they are let pass. */
  #drop(bytes: number): void {
    this.#droppedBytes += bytes;
    const isTooMuch = this.#droppedBytes > MAX_DROPPED_BYTES;
    if (this.#endedAt === undefined) {
      if (isTooMuch) this.setPaused(true);
    } else if (isTooMuch || performance.now() - this.#endedAt > DROP_MS) this.reset();
  }
}
