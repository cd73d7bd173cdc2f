import { reasonOf } from "./settled.ts";

/** A signal that is aborted by another one, or after `ms` with a reason of its own. Disposed, it holds no timer. */
export class Limit implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(signal: AbortSignal, ms: number, late: () => Error) {
    const over = new AbortController();
    this.#timer = setTimeout(() => over.abort(late()), ms);
    this.signal = AbortSignal.any([signal, over.signal]);
  }

  /** What `work` gives, or the signal's reason as soon as it is aborted, whether or not `work` heeds it. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(reasonOf(this.signal));
    this.signal.addEventListener("abort", abort, { once: true });
    if (this.signal.aborted) abort();
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.signal.removeEventListener("abort", abort);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
