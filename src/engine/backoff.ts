/** Limits of the delay between two attempts to connect, in milliseconds. */
export interface BackoffLimits {
  readonly baseMs: number;
  readonly capMs: number;
}

/** 1 s doubling to 120 s: what the service asks of its clients, so that a fleet does not return in step. */
const DEFAULT_BACKOFF: BackoffLimits = { baseMs: 1_000, capMs: 120_000 };

/**
 * Full jitter: anything from 0 up to `base × 2^attempt`, at most the cap.
 * @param attempt failures in a row before this one, from 0
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, random: number, limits: BackoffLimits = DEFAULT_BACKOFF): number {
  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random * ceiling);
}
