// The signals that end a connect: those of every command, the hang-up of its terminal or of the ssh that started it,
// and, while it serves others only, one more Ctrl-C.

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import process from "node:process";
import { StopSignal } from "../stop-signal.ts";

/** The command's signal, and SIGHUP. */
export class EndSignals implements Disposable {
  readonly signal: AbortSignal;
  readonly #command: AbortSignal;
  readonly #hangup = new AbortController();
  readonly #onHangup = () => this.#hangup.abort(new StopSignal("SIGHUP"));

  constructor(command: AbortSignal) {
    this.#command = command;
    this.signal = AbortSignal.any([command, this.#hangup.signal]);
    process.on("SIGHUP", this.#onHangup);
  }

  /** Aborted by the next SIGINT or SIGTERM from now on; a hang-up no longer counts. */
  next(): AbortSignal {
    if (!this.#command.aborted) return this.#command;
    const stop = new AbortController();
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.once(name, () => stop.abort(new StopSignal(name)));
    }
    return stop.signal;
  }

  [Symbol.dispose](): void {
    process.removeListener("SIGHUP", this.#onHangup);
  }
}

/**
 * Puts /dev/null in the place of the standard streams: whoever waits for the end of ours, such as the ssh or git that
 * started this process, must not wait for others who use its tunnel.
 */
export function releaseStandardStreams(): void {
  for (const descriptor of [0, 1, 2]) {
    try {
      closeSync(descriptor);
    } catch {
      // Closed already: the next line takes its number all the same, the lowest that is free.
    }
    openSync(devNull, "r+");
  }
}
