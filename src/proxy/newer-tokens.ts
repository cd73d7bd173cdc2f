import { setTimeout as sleep } from "node:timers/promises";
import type { TokenPair } from "./options.ts";

/** A look costs a directory and a small file. */
const LOOK_MS = 100;

/** Looks for newer tokens until there are some, the time is over or the signal stops it. */
export async function findNewer(
  look: () => TokenPair | undefined,
  withinMs: number,
  signal: AbortSignal,
): Promise<TokenPair | undefined> {
  const until = performance.now() + withinMs;
  for (;;) {
    const found = look();
    if (found !== undefined || signal.aborted || performance.now() >= until) return found;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
