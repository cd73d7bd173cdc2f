import { constants } from "node:os";

type StopName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Reason of an abort that a signal asked for. */
export class StopSignal extends Error {
  readonly signal: StopName;

  constructor(signal: StopName) {
    super(`stopped by ${signal}`);
    this.name = "StopSignal";
    this.signal = signal;
  }

  /** As shells count the end by a signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }
}
