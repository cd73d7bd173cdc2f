import { Random } from "../sim/random.ts";
import { Mutator } from "./mutator.ts";
import { seedsOf } from "./seeds.ts";
import type { Target } from "./target.ts";
import { LIMIT_MS, type Watchdog } from "./watchdog.ts";

/** Inputs kept because they reached something new; beyond that a new one takes the place of another. */
const MAX_CORPUS = 4_096;
/** Half of all inputs are made of one of the newest: what led on may lead further. */
const NEWEST = 16;
/** Longer ones are not kept: all that are made of them would be as slow. */
const MAX_KEPT_BYTES = 2_048;
/** Executions that may be spent on making a finding smaller. */
const MAX_SHRINKS = 3_000;

/** Tells whether an execution reached what none before it did. */
export interface Feedback {
  /** How much was ever reached. */
  readonly seen: number;
  /** Another execution begins. */
  begin(): void;
}

/** An input that broke something, and what it broke. */
export interface Finding {
  readonly input: Uint8Array;
  readonly error: Error;
}

/** Executions of one target, the same ones for the same seed and feedback. */
export class Campaign {
  executions = 0;
  readonly #target: Target;
  readonly #number: number;
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #watchdog: Watchdog;
  readonly #feedback: Feedback | undefined;
  readonly #corpus: Uint8Array[];

  /** @param number of the target, as its watchdog knows it */
  constructor(
    target: Target,
    number: number,
    seed: number,
    watchdog: Watchdog,
    feedback: Feedback | undefined = undefined,
  ) {
    this.#target = target;
    this.#number = number;
    this.#random = new Random(seed);
    this.#mutator = new Mutator(target, this.#random);
    this.#watchdog = watchdog;
    this.#feedback = feedback;
    this.#corpus = [...target.examples];
    for (const { input } of seedsOf(target.name)) this.#keep(input);
  }

  get corpusSize(): number {
    return this.#corpus.length;
  }

  /** Gives the target what mutation begins with. */
  async begin(): Promise<Finding | undefined> {
    for (const input of [...this.#corpus]) {
      const error = await this.#execute(input);
      if (error !== undefined) return { input, error };
    }
    return undefined;
  }

  /** `count` executions, or fewer when one of them is a finding. */
  async go(count: number): Promise<Finding | undefined> {
    // Most errors are refusals: writing down where each was made would take most of the time.
    const traces = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return await this.#go(count);
    } finally {
      Error.stackTraceLimit = traces;
    }
  }

  async #go(count: number): Promise<Finding | undefined> {
    for (const end = this.executions + count; this.executions < end; ) {
      const input = this.#mutator.change(this.#pick(), this.#random.pick(this.#corpus));
      const before = this.#feedback?.seen;
      const failing = this.#execute(input);
      const error = failing instanceof Promise ? await failing : failing;
      if (error !== undefined) return this.#shrink(input.slice(), error);
      if (this.#feedback?.seen !== before) this.#keep(input.slice());
    }
    return undefined;
  }

  #pick(): Uint8Array {
    const { length } = this.#corpus;
    const isNew = this.#random.chance(0.5);
    const at = isNew
      ? this.#random.int(Math.max(0, length - NEWEST), length - 1)
      : this.#random.int(0, length - 1);
    return this.#corpus[at] as Uint8Array;
  }

  #keep(input: Uint8Array): void {
    if (input.length > MAX_KEPT_BYTES) return;
    if (this.#corpus.length < MAX_CORPUS) this.#corpus.push(input);
    else this.#corpus[this.#random.int(0, MAX_CORPUS - 1)] = input;
  }

  /** What is wrong with an execution. A promise only where the target's own answer is one: waiting costs time. */
  #execute(input: Uint8Array): Error | undefined | Promise<Error | undefined> {
    this.executions += 1;
    this.#watchdog.enter(this.#number, input);
    this.#feedback?.begin();
    const start = performance.now();
    try {
      const running = this.#target.run(input);
      if (running !== undefined) return this.#wait(running, start);
      return this.#onEnd(start);
    } catch (error) {
      this.#watchdog.leave();
      return toError(error);
    }
  }

  async #wait(running: Promise<void>, start: number): Promise<Error | undefined> {
    try {
      await running;
      return this.#onEnd(start);
    } catch (error) {
      this.#watchdog.leave();
      return toError(error);
    }
  }

  #onEnd(start: number): Error | undefined {
    this.#watchdog.leave();
    const tookMs = performance.now() - start;
    return tookMs > LIMIT_MS ? new TooSlow(`took ${Math.round(tookMs)} ms`) : undefined;
  }

  /** The smallest input found that breaks the same thing; a slow one is only asked once more. */
  async #shrink(found: Uint8Array, error: Error): Promise<Finding | undefined> {
    if (error instanceof TooSlow) {
      const again = await this.#execute(found);
      return again === undefined ? undefined : { input: found, error: again };
    }
    let input = found;
    let size = Math.ceil(input.length / 2);
    for (let tries = 0; size > 0 && tries < MAX_SHRINKS; size = Math.floor(size / 2)) {
      for (let at = 0; at < input.length && tries < MAX_SHRINKS; tries++) {
        const smaller = without(input, at, size);
        const other = await this.#execute(smaller);
        if (other !== undefined && isSame(other, error)) input = smaller;
        else at += size;
      }
    }
    Error.stackTraceLimit = 20;
    return { input, error: (await this.#execute(input)) ?? error };
  }
}

class TooSlow extends Error {}

function without(input: Uint8Array, at: number, size: number): Uint8Array {
  const end = Math.min(input.length, at + size);
  const rest = new Uint8Array(input.length - (end - at));
  rest.set(input.subarray(0, at));
  rest.set(input.subarray(end), at);
  return rest;
}

function isSame(one: Error, other: Error): boolean {
  const kind = ({ name, message }: Error) => `${name} ${message.replace(/\d+|"[^"]*"/g, "")}`.slice(0, 60);
  return kind(one) === kind(other);
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`threw ${String(thrown)}`);
}
