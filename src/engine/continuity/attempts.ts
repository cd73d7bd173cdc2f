import { backoffMs } from "../backoff.ts";
import type { Stream } from "../stream-table.ts";
import type { Strand } from "./strand.ts";

/** The shortest wait between two attempts … */
const BASE_MS = 250;
/** … and the longest (P102). */
const CAP_MS = 5_000;
/** How long a destination may take to say HELLO. */
const ANSWER_MS = 5_000;
/** One that has said nothing so often is none of ours. */
const MAX_SILENCES = 3;

/** One strand that the source tries to take up again. */
export interface Attempt {
  readonly strand: Strand;
  /** What it is tried in, while an answer is waited for. */
  stream: Stream | undefined;
  /** When to begin, or how long to wait for the answer. */
  at: number;
  failures: number;
  silences: number;
}

/** The source's attempts to take up what is suspended, at most one a service. Times in milliseconds. */
export class Attempts {
  readonly #byService = new Map<string, Attempt>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** @param isNew the WebSocket is: the destination may well be there */
  add(strand: Strand, now: number, isNew: boolean): void {
    const attempt: Attempt = { strand, stream: undefined, at: now, failures: 0, silences: 0 };
    if (!isNew) this.#wait(attempt, now);
    this.#byService.set(strand.serviceId, attempt);
  }

  has(serviceId: string): boolean {
    return this.#byService.has(serviceId);
  }

  of(stream: Stream): Attempt | undefined {
    const attempt = this.#byService.get(stream.serviceId);
    return attempt?.stream === stream ? attempt : undefined;
  }

  delete(serviceId: string): void {
    this.#byService.delete(serviceId);
  }

  clear(): void {
    this.#byService.clear();
  }

  /** Those with something to do. */
  due(now: number): readonly Attempt[] {
    return [...this.#byService.values()].filter(({ at }) => at <= now);
  }

  /** It was asked for in a stream. */
  asked(attempt: Attempt, stream: Stream, now: number): void {
    attempt.stream = stream;
    attempt.at = now + ANSWER_MS;
  }

  /** Nobody was there. */
  failed(attempt: Attempt, now: number): void {
    attempt.stream = undefined;
    this.#wait(attempt, now);
  }

  /** Nothing was said. @returns whether it was the last time */
  silent(attempt: Attempt, now: number): boolean {
    attempt.silences += 1;
    this.failed(attempt, now);
    return attempt.silences >= MAX_SILENCES;
  }

  get deadline(): number {
    return Math.min(...[...this.#byService.values()].map(({ at }) => at), Number.POSITIVE_INFINITY);
  }

  #wait(attempt: Attempt, now: number): void {
    const limits = { baseMs: BASE_MS, capMs: CAP_MS - BASE_MS };
    attempt.at = now + BASE_MS + backoffMs(attempt.failures, this.#random(), limits);
    attempt.failures += 1;
  }
}
