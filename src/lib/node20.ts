// What these sources use and Node.js 20 has not. The build of the library puts these in the place of the language's own, in
// its own files alone: a library does not change the globals of whoever imports it.

/** As `Promise.withResolvers`, which Node.js has since 22. */
export function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason?: unknown) => void;
} {
  let resolve: (value: T | PromiseLike<T>) => void = () => undefined;
  let reject: (reason?: unknown) => void = () => undefined;
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

/** The part of `AsyncDisposableStack` that is in use here; Node.js has it since 24. */
export class DisposableStack {
  #undo: (() => unknown)[] = [];

  /** Calls this at the end, before what was deferred earlier. */
  defer(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  /** Hands everything over to a new stack. */
  move(): DisposableStack {
    const taken = new DisposableStack();
    taken.#undo = this.#undo;
    this.#undo = [];
    return taken;
  }

  /** Calls everything, whatever fails. @throws the first failure */
  async disposeAsync(): Promise<void> {
    const failures: unknown[] = [];
    while (this.#undo.length > 0) {
      try {
        await this.#undo.pop()?.();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync();
  }
}
