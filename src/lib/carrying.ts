import { ProcessSession } from "../proxy/process-session.ts";

/** How connections are carried. All times in milliseconds. */
export interface CarryingOptions {
  /** How long one connection that does not read may hold up the others; 10,000 by default. */
  readonly stallTimeoutMs?: number | undefined;
  /** How long answers are still awaited after a local program stopped sending; 1,000 by default. */
  readonly lingerMs?: number | undefined;
  /** How often the link is checked; 10,000 by default. A link that is silent for two and a half of these is dead. */
  readonly keepaliveMs?: number | undefined;
  /**
   * How long connections wait for a lost link, where the other side is this program as well and says so too; absent:
   * they end with it.
   */
  readonly resumeTimeoutMs?: number | undefined;
  /** Local address to listen on (source; 127.0.0.1 by default) or to dial from (destination, agent). */
  readonly bind?: string | undefined;
}

/** What is used where nothing is said; the program's own defaults. */
export const CARRYING_DEFAULTS = { stallTimeoutMs: 10_000, lingerMs: 1_000, keepaliveMs: 10_000 } as const;

/** The options of a proxy, with defaults in place. */
export function carryingOf(options: CarryingOptions) {
  const { stallTimeoutMs, lingerMs, keepaliveMs, resumeTimeoutMs, bind } = options;
  return {
    stallTimeoutMs: stallTimeoutMs ?? CARRYING_DEFAULTS.stallTimeoutMs,
    lingerMs: lingerMs ?? CARRYING_DEFAULTS.lingerMs,
    keepaliveMs: keepaliveMs ?? CARRYING_DEFAULTS.keepaliveMs,
    continuity: ProcessSession.of(resumeTimeoutMs),
    bind,
  };
}
