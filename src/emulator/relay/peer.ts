import type { WebSocket } from "ws";
import type { TlsGate } from "../../net/tls-gate.ts";
import { Pacer } from "../faults/pace.ts";

/** Bytes that may wait for one side before the other is no longer read: a tunnel's share of memory. */
const FULL_BYTES = 1024 * 1024;
const ROOM_BYTES = 512 * 1024;
/** What one frame costs while it waits, beside its bytes: measured at about 0.1 kB on Bun, and several times that on Deno. */
const FRAME_COST_BYTES = 1_024;
/** A side that has not sent anything, pings included, gets an empty ping after this … */
const PING_AFTER_MS = 15_000;
/** … and counts as gone after this. Every known client pings every 20 to 30 s by itself. */
const GONE_AFTER_MS = 120_000;
/** How long a side may take to answer a close frame; the reference proxy never does. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Who is told what one side's WebSocket does. */
export interface PeerHandlers {
  onBytes(bytes: Uint8Array): void;
  onText(): void;
  /** There is room for the other side's bytes again. */
  onRoom(): void;
  onClose(): void;
}

export interface PeerOptions {
  /** Below the TLS of this side, where the runtime needs one to hold it back. */
  readonly gate?: TlsGate | undefined;
  /** What slows down the messages to this side on purpose. */
  readonly limits?: ConstructorParameters<typeof Pacer>[0] | undefined;
}

/** One side's WebSocket at the relay. */
export class Peer {
  readonly #webSocket: WebSocket;
  readonly #handlers: PeerHandlers;
  readonly #gate: TlsGate | undefined;
  #isClosing = false;
  #wasFull = false;
  /** Frames that are not yet in the hands of the operating system. */
  #waitingFrames = 0;
  #lastReceivedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #pacer: Pacer | undefined;

  constructor(webSocket: WebSocket, handlers: PeerHandlers, { gate, limits }: PeerOptions) {
    this.#webSocket = webSocket;
    this.#gate = gate;
    this.#pacer = limits === undefined ? undefined : new Pacer(limits, (bytes) => this.#sendNow(bytes));
    this.#handlers = handlers;
    this.#timer = setInterval(() => this.#watch(), PING_AFTER_MS);
    const alive = () => {
      this.#lastReceivedAt = performance.now();
    };
    webSocket.on("message", (data, isBinary) => {
      alive();
      if (this.#isClosing) return;
      if (isBinary) handlers.onBytes(data as Buffer);
      else handlers.onText();
    });
    webSocket.on("ping", alive);
    webSocket.on("pong", alive);
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("close", () => {
      clearInterval(this.#timer);
      this.#pacer?.stop();
      handlers.onClose();
    });
  }

  /** It is told to go: what it still says does not count. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  get isFull(): boolean {
    return this.#waitingBytes > FULL_BYTES;
  }

  get #waitingBytes(): number {
    const frames = this.#waitingFrames + (this.#pacer?.waitingMessages ?? 0);
    return this.#webSocket.bufferedAmount + (this.#pacer?.waitingBytes ?? 0) + frames * FRAME_COST_BYTES;
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosing) return;
    if (this.#pacer === undefined) this.#sendNow(bytes);
    else this.#pacer.push(bytes);
    if (this.isFull) this.#wasFull = true;
  }

  #sendNow(bytes: Uint8Array): void {
    this.#waitingFrames += 1;
    this.#webSocket.send(bytes, { binary: true }, this.#onSent);
  }

  /** Stops or goes on reading from this side, so that TCP holds its local proxy back. */
  setHeld(isHeld: boolean): void {
    if (isHeld) {
      this.#webSocket.pause();
      this.#gate?.hold();
    } else {
      this.#webSocket.resume();
      this.#gate?.release();
    }
  }

  /** Sends a close frame; nothing is forwarded to or from this side any more. */
  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#pacer?.stop();
    this.setHeld(false);
    this.#webSocket.close(code, cutReason(reason));
    setTimeout(() => this.#webSocket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  /** One function for all frames: tens of thousands of small ones may wait. */
  readonly #onSent = (): void => {
    this.#waitingFrames -= 1;
    if (!this.#wasFull || this.#waitingBytes > ROOM_BYTES) return;
    this.#wasFull = false;
    this.#handlers.onRoom();
  };

  #watch(): void {
    const silentMs = performance.now() - this.#lastReceivedAt;
    if (silentMs >= GONE_AFTER_MS && !this.#webSocket.isPaused) this.#webSocket.terminate();
    else if (silentMs >= PING_AFTER_MS) this.#webSocket.ping();
  }
}

/** A close frame has room for 123 bytes of reason. */
function cutReason(reason: string): string {
  return Buffer.from(reason)
    .subarray(0, 123)
    .toString("utf8")
    .replace(/\uFFFD+$/, "");
}
