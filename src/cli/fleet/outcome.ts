import { TunnelError } from "../../base/errors.ts";

/** How it went for one thing. Times in milliseconds, from the search for a tunnel to the command's end. */
export type Outcome =
  /** The command was run. */
  | { readonly type: "exit"; readonly code: number; readonly ms: number }
  /** It could not be, or its tunnel failed. */
  | { readonly type: "failed"; readonly error: TunnelError; readonly ms: number }
  /** The run was stopped before the command was started. */
  | { readonly type: "not-run" };

/** Whether a failure would be that of every thing: the command line, the configuration, the credentials, or a bug. */
export function isShared(error: unknown): boolean {
  return !(error instanceof TunnelError) || SHARED.has(error.code);
}

const SHARED: ReadonlySet<string> = new Set(["ERR_USAGE", "ERR_CONFIG", "ERR_CREDENTIALS", "ERR_BUG"]);

/** One outcome, in words. */
export function outcomeWords(outcome: Outcome): string {
  switch (outcome.type) {
    case "exit":
      return `exit code ${outcome.code}, ${seconds(outcome.ms)}`;
    case "failed":
      return `failed, ${seconds(outcome.ms)}: ${outcome.error.message}`;
    case "not-run":
      return "not run";
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Names in the last line at most; each has a line of its own above. */
const MAX_NAMED = 20;

/** All outcomes, by thing. */
export class Tally {
  readonly #outcomes: ReadonlyMap<string, Outcome>;

  constructor(outcomes: ReadonlyMap<string, Outcome>) {
    this.#outcomes = outcomes;
  }

  /** Every command was run and ended with 0. */
  get isGood(): boolean {
    return this.ok.length === this.#outcomes.size;
  }

  get ok(): string[] {
    return this.#named((outcome) => outcome.type === "exit" && outcome.code === 0);
  }

  get failed(): string[] {
    return this.#named(
      (outcome) => outcome.type === "failed" || (outcome.type === "exit" && outcome.code !== 0),
    );
  }

  get notRun(): string[] {
    return this.#named((outcome) => outcome.type === "not-run");
  }

  /** What it came to, in one line. */
  get words(): string {
    const done = `${this.ok.length} of ${this.#outcomes.size} done`;
    return [done, ...listed("failed", this.failed), ...listed("not run", this.notRun)].join("; ");
  }

  #named(isOne: (outcome: Outcome) => boolean): string[] {
    return [...this.#outcomes].filter(([, outcome]) => isOne(outcome)).map(([thing]) => thing);
  }
}

function listed(what: string, things: readonly string[]): string[] {
  if (things.length === 0) return [];
  const more = things.length > MAX_NAMED ? ` and ${things.length - MAX_NAMED} more` : "";
  return [`${what}: ${things.slice(0, MAX_NAMED).join(", ")}${more}`];
}
