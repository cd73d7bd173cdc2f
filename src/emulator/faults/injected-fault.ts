// What serve-local does wrong on purpose, so that people can test their own agents and proxies.

/** One kind of trouble. */
export type FaultKind = keyof typeof FAULT_KINDS;

/** A fault as it was asked for. */
export interface InjectedFault {
  readonly kind: FaultKind;
  /** By kind: milliseconds, bytes a second, an HTTP status or a WebSocket close code. */
  readonly value: number;
  /** Milliseconds from the connection to a `close`. */
  readonly afterMs: number;
  /** Share of connections, handshakes or tunnels that it befalls, from 0 to 1. */
  readonly rate: number;
  /** Which of them: the same seed makes the same choice in the same order. */
  readonly seed: number;
  /** As it was written. */
  readonly text: string;
}

/** Every kind, with its unit and, in a few words, what it does. */
export const FAULT_KINDS = {
  drop: { unit: "time", does: "ends a connection of the data plane without a word, so long after its start" },
  close: { unit: "code", does: "closes it with this code, 1000 to 4999, `after` its start" },
  delay: { unit: "time", does: "holds every message to a side back for so long" },
  throttle: { unit: "rate", does: "carries so many bytes a second in a tunnel, as 64kB" },
  refuse: { unit: "status", does: "refuses a handshake with this status, 400 to 599; it spends no token" },
  expire: { unit: "time", does: "ends a tunnel as expired, so long after it was opened" },
  rotate: { unit: "time", does: "replaces both access tokens of a tunnel, so long after it was opened" },
} as const;

/** Draws the lots of one fault: true for about `rate` of all calls, the same ones for the same seed. */
export class Lots {
  readonly #rate: number;
  #state: number;

  constructor({ rate, seed }: Pick<InjectedFault, "rate" | "seed">) {
    this.#rate = rate;
    this.#state = seed >>> 0;
  }

  /** Mulberry32: small, and good enough to choose connections with. */
  draw(): boolean {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < this.#rate;
  }
}
