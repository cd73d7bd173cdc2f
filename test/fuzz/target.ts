/** One decoder of foreign bytes under test. */
export interface Target {
  readonly name: string;
  /** Sound inputs: what mutation begins with. */
  readonly examples: readonly Uint8Array[];
  /** Pieces that its format is made of. */
  readonly words: readonly Uint8Array[];
  /** Longest input, in bytes. */
  readonly maxLength: number;
  /** Its lines hold JSON, perhaps behind something else: their trees are changed as well as their bytes. */
  readonly isJson?: boolean;
  /** Executions in the suite: about three seconds of them. */
  readonly suiteRuns: number;
  /** Gives the decoder one input. Whatever it throws is a finding; refusals that users may see are not thrown. */
  run(input: Uint8Array): void | Promise<void>;
}

/** An invariant is broken. */
class BrokenInvariant extends Error {}

/** Throws when what must hold does not. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BrokenInvariant(what);
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** What `decode` gives, or the error of one of the `typed` classes with which it refuses; any other is thrown. */
export function attempt<T, E extends ErrorClass>(
  decode: () => T,
  ...typed: readonly E[]
): T | InstanceType<E> {
  try {
    return decode();
  } catch (error) {
    for (const each of typed) if (error instanceof each) return error as InstanceType<E>;
    throw error;
  }
}

export function text(...lines: readonly string[]): Uint8Array[] {
  return lines.map((line) => Buffer.from(line));
}

/** The input as text, as a decoder of UTF-8 sees it. */
export function textOf(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("utf8");
}

/** Whether two arrays hold the same bytes. A loop: most are short, and a call into the runtime costs more. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
