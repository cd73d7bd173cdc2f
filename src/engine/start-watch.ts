import type { EngineEvent } from "./output.ts";

/** A service that has said nothing for so long after the handshake is told of … */
const WARNING_MS = 4_000;
/** … and given up after this. */
const GIVE_UP_MS = 15_000;

/** What to do about a service that is silent. */
type Due =
  | { readonly type: "event"; readonly event: EngineEvent }
  | { readonly type: "give-up"; readonly why: string };

/** Waits for SERVICE_IDS, the first thing that a service says (P30). Times in milliseconds. */
export class StartWatch {
  readonly #openedAt: number;
  #isWarned = false;

  constructor(openedAt: number) {
    this.#openedAt = openedAt;
  }

  due(now: number): Due | undefined {
    if (now >= this.#openedAt + GIVE_UP_MS) {
      const why = `the service has not named the tunnel's services in ${GIVE_UP_MS / 1_000} s`;
      return { type: "give-up", why };
    }
    if (this.#isWarned || now < this.#openedAt + WARNING_MS) return undefined;
    this.#isWarned = true;
    return { type: "event", event: { type: "unready", forMs: WARNING_MS } };
  }

  get deadline(): number {
    return this.#openedAt + (this.#isWarned ? GIVE_UP_MS : WARNING_MS);
  }
}
