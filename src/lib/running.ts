import { EventEmitter } from "node:events";

/**
 * Something that runs until it is closed, its signal is aborted, or it comes to its end by itself. Its events are typed;
 * leaving the scope of `await using` closes it.
 */
export abstract class Running<Events extends Record<keyof Events, unknown[]>, End>
  extends EventEmitter<Events>
  implements AsyncDisposable
{
  /** How it ended; rejects with a TunnelError when it failed. Nobody has to wait for it. */
  readonly ended: Promise<End>;
  readonly #stop = new AbortController();

  /**
   * @param run runs it; it is called once its maker is done, so that handlers are in place
   * @param signal ends it, as `close` does
   */
  protected constructor(run: (signal: AbortSignal) => Promise<End>, signal: AbortSignal | undefined) {
    super();
    const signals = signal === undefined ? [this.#stop.signal] : [this.#stop.signal, signal];
    this.ended = Promise.resolve().then(() => run(AbortSignal.any(signals)));
    this.ended.catch(() => undefined);
  }

  /** Ends it in an orderly way, and resolves when no socket of it is left. How it ended is told by `ended`. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.ended.catch(() => undefined);
  }

  /** Emits an event under its own name, and as `event`. */
  protected tell(event: { readonly event: string }): void {
    // That a name and its argument belong together is in the types of those who listen.
    const emitter = this as unknown as { emit(name: string, event: unknown): void };
    emitter.emit(event.event, event);
    emitter.emit("event", event);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Resolves with what runs, once `isReady` resolves.
 * @throws what it failed with, or the signal's reason when that ended it; it is closed then
 */
export async function whenReady<T extends Running<never, unknown>>(
  running: T,
  isReady: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const end = await Promise.race([isReady, running.ended.then((ended) => ({ ended }))]);
  signal?.throwIfAborted();
  if (end === undefined) return running;
  throw new Error(`it ended before it was ready: ${String(end.ended)}`);
}
