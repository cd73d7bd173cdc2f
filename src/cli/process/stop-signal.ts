import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** Signals that ask for an orderly end. */
export type StopName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Reason of an abort that a signal asked for. */
export class StopSignal extends Error {
  readonly signal: StopName;
  #onRepeat: (() => void) | undefined;

  constructor(signal: StopName) {
    super(`stopped by ${signal}`);
    this.name = "StopSignal";
    this.signal = signal;
  }

  /** As shells count the end by a signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }

  /** What to do, once, when a further signal comes while the work ends; undefined: nothing any more. */
  onRepeat(act: (() => void) | undefined): void {
    this.#onRepeat = act;
  }

  /** A further signal came. False: nothing was to be done. */
  repeat(): boolean {
    const act = this.#onRepeat;
    this.#onRepeat = undefined;
    act?.();
    return act !== undefined;
  }
}

/** The signal that an abort asks to be handed on. */
export function stopNameOf({ reason }: AbortSignal): StopName {
  return reason instanceof StopSignal ? reason.signal : "SIGTERM";
}

/** What to do when a further signal comes; undefined: nothing any more. */
export function onRepeatOf({ reason }: AbortSignal, act: (() => void) | undefined): void {
  if (reason instanceof StopSignal) reason.onRepeat(act);
}

/** nohup starts programs so that a hang-up passes them by; a listener of ours would undo that. */
export function isHangupIgnored(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    // Only Linux tells.
    return false;
  }
}
