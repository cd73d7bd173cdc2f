import type { Socket } from "node:net";
import type { Connection } from "../engine/output.ts";
import { pauseReading, resumeReading } from "../net/reading.ts";
import { MEMORY_WATCH } from "./memory-watch.ts";
import { RECEIVE_SHARES } from "./receive-shares.ts";

/** Who is told what a local socket does. */
export interface LocalHandlers {
  onData(local: LocalSocket, bytes: Uint8Array): void;
  /** The application will send no more. */
  onEnd(local: LocalSocket): void;
  /** The socket is gone; `error` when it did not go by itself. */
  onClose(local: LocalSocket, error: Error | undefined): void;
  /** Bytes left for the application. */
  onRoom(local: LocalSocket): void;
}

/** The local socket of a connection, with what it has carried. */
export class LocalSocket {
  readonly connection: Connection;
  readonly socket: Socket;
  /** Milliseconds since 1970, for people. */
  readonly openedAt = Date.now();
  bytesToTunnel = 0;
  bytesFromTunnel = 0;
  /** Whether the connection's end was told already; what the application still sends goes nowhere. */
  isEnded = false;
  /** Whether somebody was at the other end of the socket; an accepted one has somebody. */
  hasConnected: boolean;
  #isPaused = false;
  #hasMoved = true;
  /** Another driver may take the socket over. */
  handlers: LocalHandlers;
  readonly #onData: (bytes: Uint8Array) => void;
  readonly #onWritten: () => void;

  constructor(connection: Connection, socket: Socket, handlers: LocalHandlers) {
    this.connection = connection;
    this.socket = socket;
    this.handlers = handlers;
    this.hasConnected = !socket.connecting;
    if (this.hasConnected) RECEIVE_SHARES.add(socket);
    else socket.once("connect", () => this.#connected());
    this.#onWritten = () => {
      this.#hasMoved = true;
      this.handlers.onRoom(this);
    };
    let failure: Error | undefined;
    this.#onData = (bytes) => {
      MEMORY_WATCH.carried(bytes.length);
      if (!this.isEnded) this.bytesToTunnel += bytes.length;
      this.handlers.onData(this, bytes);
    };
    socket.on("data", this.#onData);
    socket.on("end", () => this.handlers.onEnd(this));
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      RECEIVE_SHARES.delete(socket);
      this.handlers.onClose(this, failure);
    });
    socket.resume();
  }

  #connected(): void {
    this.hasConnected = true;
    RECEIVE_SHARES.add(this.socket);
  }

  /** Stops reading from the application. */
  pause(): void {
    this.#isPaused = true;
    pauseReading(this.socket);
  }

  /**
   * Goes on reading, first what the runtime has read ahead: each resumption lets it read one chunk more than it gives
   * out before the next pause, without limit.
   */
  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.socket.readableLength > 0) this.socket.read();
    if (!this.#isPaused) resumeReading(this.socket);
  }

  write(bytes: Uint8Array): void {
    this.bytesFromTunnel += bytes.length;
    if (this.socket.writable) this.socket.write(bytes, this.#onWritten);
    else this.#onWritten();
  }

  /** Bytes that have not left yet. */
  get unreadBytes(): number {
    return this.socket.destroyed ? 0 : this.socket.writableLength;
  }

  /** Whether nothing has left since it was asked before, though bytes wait: after the end perhaps in the kernel. */
  hasStood(): boolean {
    const hasStood = !this.#hasMoved && (this.unreadBytes > 0 || this.isEnded);
    this.#hasMoved = false;
    return hasStood;
  }

  /** FIN after the last byte; the application is read on. */
  finish(): void {
    this.socket.end();
  }

  /** FIN after the last byte, and the end. */
  end(): void {
    this.isEnded = true;
    this.socket.end();
  }

  /** RST, at once. One that is still being dialled has nobody to tell, and would wait for its answer. */
  reset(): void {
    this.isEnded = true;
    if (this.socket.connecting) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }
}
