import { type Effect, type Key, press } from "./key-presses.ts";
import { type Action, reduce, type State } from "./state.ts";

/** Holds the state of one watch, and tells who asked when it has changed. */
export class Store {
  readonly #listeners = new Set<() => void>();
  #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  readonly state = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly dispatch = (action: Action): void => this.#set(reduce(this.#state, action));

  /** What the key asks for. */
  readonly press = (key: Key): Effect | undefined => {
    const { state, effect } = press(this.#state, key);
    this.#set(state);
    return effect;
  };

  #set(state: State): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
