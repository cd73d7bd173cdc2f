import type { Writable } from "node:stream";
import { escapeLines, jsonLine } from "../../base/escape.ts";
import type { ConnectEvent } from "../../operator/request.ts";
import { sentence } from "../connect/reporter.ts";
import { written } from "../print/written.ts";
import type { CommandContext } from "../words/command.ts";
import type { OutputName, TakeLines } from "./children.ts";
import { type Outcome, outcomeWords, Tally } from "./outcome.ts";

/** Tells how a run goes: lines that begin with their thing, or with --json a document each on stdout. */
export class FleetPrinter {
  readonly #context: Pick<CommandContext, "output" | "stdout" | "stderr">;
  readonly #isLocal: boolean;

  constructor(context: Pick<CommandContext, "output" | "stdout" | "stderr">, isLocal: boolean) {
    this.#context = context;
    this.#isLocal = isLocal;
  }

  tell(thing: string, event: ConnectEvent): void {
    if (this.#context.output.json) return this.document(thing, event);
    // A spinner is for one.
    const text = event.event === "waiting" ? undefined : sentence(event, { thing, isLocal: this.#isLocal });
    if (text !== undefined) this.#context.output.remark(`${thing}: ${text}`);
  }

  document(thing: string, facts: object): void {
    this.#context.output.document({ ...stamped(thing), ...facts });
  }

  /** Takes what the command of a thing writes. */
  takerFor(thing: string): TakeLines {
    const { output, stdout, stderr } = this.#context;
    const asText = (stream: OutputName, line: string) =>
      output.json
        ? jsonLine({ ...stamped(thing), event: "output", stream, line })
        : escapeLines(`${thing}: ${line}\n`);
    return async (stream, lines) => {
      const to = output.json || stream === "stdout" ? stdout : stderr;
      await written(to as Writable, lines.map((line) => asText(stream, line)).join(""));
    };
  }

  /** One is done. */
  done(thing: string, outcome: Outcome): void {
    if (this.#context.output.json) {
      if (outcome.type === "not-run") return;
      if (outcome.type === "exit") {
        return this.document(thing, { event: "exit", ...timed(outcome), code: outcome.code });
      }
      const { code, message, hint } = outcome.error;
      return this.document(thing, {
        event: "failed",
        ...timed(outcome),
        error: { code, message, hint: hint ?? null },
      });
    }
    if (outcome.type !== "failed") return;
    const { message, hint } = outcome.error;
    this.#context.output.remark(`${thing}: error: ${message}${hint === undefined ? "" : ` (${hint})`}`);
  }

  /** All are done, or will not be. */
  summarize(outcomes: ReadonlyMap<string, Outcome>): void {
    const { output } = this.#context;
    const tally = new Tally(outcomes);
    if (output.json) {
      const { ok, failed, notRun } = tally;
      output.document({ time: new Date().toISOString(), event: "summary", ok, failed, notRun });
      return;
    }
    for (const [thing, outcome] of outcomes) output.remark(`${thing}: ${outcomeWords(outcome)}`);
    output.remark(tally.words);
  }
}

function stamped(thing: string) {
  return { time: new Date().toISOString(), thing };
}

function timed({ ms }: { readonly ms: number }) {
  return { ms: Math.round(ms) };
}
