/** A service that has said nothing for so long after the handshake is told of … */
const WARNING_MS = 4_000;
/** … and given up after this. */
const GIVE_UP_MS = 15_000;

/** Waits for SERVICE_IDS, the first thing that a service says (P30). Times in milliseconds. */
export class StartWatch {
  readonly #openedAt: number;
  #isWarned = false;

  constructor(openedAt: number) {
    this.#openedAt = openedAt;
  }

  /** For how long it has been silent, once there is something to do about it. */
  due(now: number): { readonly type: "warn" | "give-up"; readonly forMs: number } | undefined {
    if (now >= this.#openedAt + GIVE_UP_MS) return { type: "give-up", forMs: GIVE_UP_MS };
    if (this.#isWarned || now < this.#openedAt + WARNING_MS) return undefined;
    this.#isWarned = true;
    return { type: "warn", forMs: WARNING_MS };
  }

  get deadline(): number {
    return this.#openedAt + (this.#isWarned ? GIVE_UP_MS : WARNING_MS);
  }
}
