import { constants } from "node:os";

/** Reason of an abort that SIGINT or SIGTERM asked for. */
export class StopSignal extends Error {
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`stopped by ${signal}`);
    this.name = "StopSignal";
    this.signal = signal;
  }

  /** As shells count the end by a signal: 130 for SIGINT, 143 for SIGTERM. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }
}
