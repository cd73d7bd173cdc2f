// The signals that end a connect: those of every command, the hang-up of its terminal or of the ssh that started it,
// and, while it serves others only, one more Ctrl-C.

import { closeSync, fstatSync, openSync } from "node:fs";
import { devNull } from "node:os";
import process from "node:process";
import { PLATFORM, type Platform } from "../../base/platform.ts";
import { isHangupIgnored, StopSignal } from "./stop-signal.ts";

/** The command's signal, and SIGHUP unless that was ignored from the start. */
export class EndSignals implements Disposable {
  readonly signal: AbortSignal;
  readonly #command: AbortSignal;
  readonly #hangup = new AbortController();
  readonly #onHangup = () => this.#hangup.abort(new StopSignal("SIGHUP"));

  constructor(command: AbortSignal) {
    this.#command = command;
    this.signal = AbortSignal.any([command, this.#hangup.signal]);
    if (!isHangupIgnored()) process.on("SIGHUP", this.#onHangup);
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

/** Standard streams and the copies that a runtime makes of them are among the first of its files. */
const FIRST_DESCRIPTORS = 64;

/**
 * Puts /dev/null in the place of the standard streams and of the runtime's copies of them: whoever waits for the end
 * of ours, such as the ssh or git that started this process, must not wait for others who use its tunnel.
 */
export function releaseStandardStreams({ isWindows }: Platform = PLATFORM): void {
  // There, nothing tells which descriptors stand for the same, and others than ours would be closed.
  if (isWindows) return;
  const streams = [0, 1, 2].map((descriptor) => fileOf(descriptor));
  for (let descriptor = 0; descriptor < FIRST_DESCRIPTORS; descriptor += 1) {
    const file = fileOf(descriptor);
    if (descriptor > 2 && (file === undefined || !streams.includes(file))) continue;
    if (file !== undefined) closeSync(descriptor);
    // Takes the number just freed: the lowest one.
    openSync(devNull, "r+");
  }
}

/** What a descriptor stands for; undefined when it is closed. */
function fileOf(descriptor: number): string | undefined {
  try {
    const { dev, ino } = fstatSync(descriptor);
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}
