import { readSync } from "node:fs";
import { Socket } from "node:net";
import { handleOf } from "./bun.ts";

/**
 * How long a dial listens on the spot for a service that speaks and closes at once. Such a service is done in 0.1 ms;
 * one that waits for a request, or forks first, is in no race.
 */
const FIRST_WORDS_MS = 0.2;
/** More than a Unix socket holds (208 KiB by default): a service that has said so much is still at it. */
const MAX_FIRST_WORDS_BYTES = 1024 * 1024;
/** One that has begun to speak may be in the race with the rest of it, which comes as soon as it runs again … */
const MORE_MS = 4;
/** … and one that has said so much at once is no greeting: a busy machine may let it wait longer for its next turn. */
const SPEECH_BYTES = 16 * 1024;
const SPEECH_MS = 40;
/** Where they are read to. Made once: clearing it before every look would take longer than the look. */
const SCRATCH = Buffer.alloc(256 * 1024);
/** One dial in three hundred is missed, each for itself: three in a row about once in thirty million. */
const MAX_DIALS = 3;

type Callback = (error?: Error | null) => void;

/**
 * A half-open connection to a Unix socket that gives all that the service says before it closes, however soon it closes.
 * The runtimes drop unread bytes when the other side has closed:
 * - A write that meets the closed side (EPIPE) destroys the socket. Here it fails quietly, and reading goes on to the
 *   end, or to the reset, that the kernel tells.
 * - Bun takes a connection that is closed before its loop first looks at it for one that was never made (ECONNRESET).
 *   So the socket is read straight after the connect, and again just before the loop looks. Where the service left in
 *   between, unheard and without a byte from us, it is dialled again.
 */
export class UnixSocket extends Socket {
  readonly #path: string;
  #dials = 0;
  /** The one write, or end, that a stream hands down waits here until the connection is open. */
  #heldBack: (() => void) | undefined;
  #isOpen = false;
  #hasSpoken = false;
  /** The service will say no more, and all it said is pushed. */
  #isHeardOut = false;
  /** The service takes no more either. */
  #isGone = false;

  constructor(path: string) {
    super({ allowHalfOpen: true });
    this.#path = path;
    this.once("connect", () => this.#open());
    this.once("close", () => this.#open());
    this.#dial();
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Callback): void {
    this.#whenOpen(done, () =>
      super._write(chunk, encoding, (error) => {
        this.#isGone ||= error instanceof Error;
        done();
      }),
    );
  }

  override _final(done: Callback): void {
    this.#whenOpen(done, () => super._final(done));
  }

  /** The end was heard here already: the loop finds it again. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    return this.#isHeardOut ? false : super.push(chunk, encoding);
  }

  /** What Bun calls a failed connect is none after the service was heard out, and is tried again if it was not heard. */
  override destroy(error?: Error): this {
    if (this.destroyed || !isMissed(error)) return super.destroy(error);
    if (this.#isHeardOut) return this.#leave();
    if (this.#hasSpoken || this.#dials === MAX_DIALS) return super.destroy(error);
    this.#dial();
    return this;
  }

  #leave(): this {
    this.#isGone = true;
    this.emit("connect");
    return this;
  }

  #dial(): void {
    this.#dials += 1;
    super.connect({ path: this.#path });
    this.#listen(FIRST_WORDS_MS);
    if (this.#descriptor() !== undefined) setImmediate(() => this.#listen(0));
  }

  #open(): void {
    this.#isOpen = true;
    const next = this.#heldBack;
    this.#heldBack = undefined;
    next?.();
  }

  #whenOpen(done: Callback, go: () => void): void {
    const next = () => (this.#isGone ? done() : go());
    if (this.#isOpen) next();
    else this.#heldBack = next;
  }

  /** Reads what is there, until nothing came for `ms`, or for longer from one that has begun to speak. */
  #listen(ms: number): void {
    let until = performance.now() + ms;
    for (let heard = 0; heard < MAX_FIRST_WORDS_BYTES && !this.#isHeardOut; ) {
      const isLast = performance.now() >= until;
      const bytes = this.#read();
      if (bytes === undefined && isLast) return;
      if (bytes === undefined) continue;
      heard += this.#hear(bytes);
      until = performance.now() + (heard >= SPEECH_BYTES ? SPEECH_MS : MORE_MS);
    }
  }

  #hear(bytes: Buffer): number {
    this.#hasSpoken ||= bytes.length > 0;
    this.push(bytes.length === 0 ? null : bytes);
    this.#isHeardOut = bytes.length === 0;
    return bytes.length;
  }

  /** What has come; nothing at the end, undefined while there is neither. */
  #read(): Buffer | undefined {
    const fd = this.#descriptor();
    if (fd === undefined) return undefined;
    try {
      return Buffer.from(SCRATCH.subarray(0, readSync(fd, SCRATCH)));
    } catch {
      return undefined; // EAGAIN; anything else is the loop's to tell
    }
  }

  /** While it connects. */
  #descriptor(): number | undefined {
    const fd = handleOf(this)?.fd ?? -1;
    return fd >= 0 && this.connecting && !this.destroyed ? fd : undefined;
  }
}

/** The kernel connected, and the service was gone before the loop looked. */
function isMissed(error: (Error & { code?: unknown; syscall?: unknown }) | undefined): boolean {
  return error?.syscall === "connect" && error.code === "ECONNRESET";
}
