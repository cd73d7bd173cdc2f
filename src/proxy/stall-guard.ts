import type { LocalConnection } from "./local-connection.ts";

/**
 * Which local sockets hold back the tunnel, and since when. While any does, the driver reads nothing from the tunnel;
 * after the stall timeout all of them are given up, unless the only connection there is has only itself to wait for.
 */
export class StallGuard {
  readonly #timeoutMs: number;
  readonly #full = new Set<LocalConnection>();
  #since: number | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get isHolding(): boolean {
    return this.#full.size > 0;
  }

  /** Call when bytes were written to a local socket, or left it. */
  update(local: LocalConnection, now: number): void {
    if (local.isFull) this.#full.add(local);
    else if (local.hasRoom) this.#full.delete(local);
    if (this.#full.size === 0) this.#since = undefined;
    else this.#since ??= now;
  }

  remove(local: LocalConnection): void {
    this.#full.delete(local);
    if (this.#full.size === 0) this.#since = undefined;
  }

  deadline(connections: number): number | undefined {
    return this.#since === undefined || connections < 2 ? undefined : this.#since + this.#timeoutMs;
  }

  /** The connections to give up now. */
  stalled(connections: number, now: number): readonly LocalConnection[] {
    const deadline = this.deadline(connections);
    return deadline !== undefined && deadline <= now ? [...this.#full] : [];
  }
}
