import { setTimeout as sleep } from "node:timers/promises";
import type { PlainAnswer } from "../http.ts";

/** How often somebody is asked who gives keys. */
export interface Patience {
  readonly maxTries: number;
  /** Between two tries, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks until there is an answer that is no failure of the server's own, or the tries are used up; then the last answer,
 * or the last failure, is the word. After a stop it asks no more.
 */
export async function askAgain(
  ask: () => Promise<PlainAnswer>,
  { maxTries, waitMs, signal }: Patience,
): Promise<PlainAnswer> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await ask();
      if (answer.status < 500 || tries >= maxTries) return answer;
    } catch (error) {
      if (tries >= maxTries || signal?.aborted) throw error;
    }
    await sleep(waitMs, undefined, { signal });
  }
}
