import type { LocalConnection } from "./local-connection.ts";

/** How long a local socket has held back the tunnel: `spentMs` before `since`, and all the time from then if full. */
interface Account {
  isFull: boolean;
  since: number;
  spentMs: number;
}

/**
 * Which local sockets hold back the tunnel, and for how long. While any does, the driver reads nothing from the tunnel.
 * Each may do so for the stall timeout in all, then it is given up (P62): what it does not use it earns back at the
 * same pace, and the only connection there is has only itself to wait for.
 */
export class StallGuard {
  readonly #timeoutMs: number;
  readonly #accounts = new Map<LocalConnection, Account>();
  #full = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get isHolding(): boolean {
    return this.#full > 0;
  }

  /** Call when bytes were written to a local socket, or left it. */
  update(local: LocalConnection, now: number): void {
    const account = this.#accounts.get(local);
    if (local.isFull && !account?.isFull) this.#turn(local, account, true, now);
    else if (local.hasRoom && account?.isFull) this.#turn(local, account, false, now);
  }

  remove(local: LocalConnection): void {
    if (this.#accounts.get(local)?.isFull) this.#full -= 1;
    this.#accounts.delete(local);
  }

  /** When the first has used up its time; nothing is counted while there is one connection. */
  deadline(connections: number, now: number): number | undefined {
    if (connections < 2) this.#forgive(now);
    let first: number | undefined;
    for (const { isFull, since, spentMs } of this.#accounts.values()) {
      const at = since + this.#timeoutMs - spentMs;
      if (isFull && connections > 1 && (first === undefined || at < first)) first = at;
    }
    return first;
  }

  /** The connections to give up now. */
  stalled(connections: number, now: number): readonly LocalConnection[] {
    const deadline = this.deadline(connections, now);
    if (deadline === undefined || deadline > now) return [];
    return [...this.#accounts].filter(([, { isFull }]) => isFull).map(([local]) => local);
  }

  #turn(local: LocalConnection, account: Account | undefined, isFull: boolean, now: number): void {
    const passedMs = account === undefined ? 0 : now - account.since;
    const spentMs = account === undefined ? 0 : account.spentMs + (account.isFull ? passedMs : -passedMs);
    this.#accounts.set(local, { isFull, since: now, spentMs: Math.max(0, spentMs) });
    this.#full += isFull ? 1 : -1;
  }

  #forgive(now: number): void {
    for (const account of this.#accounts.values()) {
      account.spentMs = 0;
      account.since = now;
    }
  }
}
