import { untilAborted } from "../base/abort.ts";

/** A signal that is aborted by another one, if one is given, or after `ms` with a reason of its own. Disposed, it holds no timer. */
export class Limit implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(signal: AbortSignal | undefined, ms: number, late: () => Error) {
    const over = new AbortController();
    this.#timer = setTimeout(() => over.abort(late()), ms);
    this.signal = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  }

  /** What `work` gives, or the signal's reason as soon as it is aborted, whether or not `work` heeds it. */
  race<T>(work: Promise<T>): Promise<T> {
    return untilAborted(this.signal, work);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
