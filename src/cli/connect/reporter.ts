import { jsonLine } from "../../base/escape.ts";
import { shellLine } from "../../base/shell.ts";
import type { ConnectEvent } from "../../operator/request.ts";
import type { Output, TextStream } from "../print/output.ts";
import { formatEnd } from "../print/times.ts";
import type { CommandContext } from "../words/command.ts";
import { Spinner } from "./spinner.ts";

export interface ReporterFacts {
  readonly thing: string;
  /** The tunnels are those of a serve-local: nobody pays for them. */
  readonly isLocal: boolean;
  /** Under --stdio. */
  readonly isStdio: boolean;
}

/** Tells people, or with --json scripts, how a connect goes: remarks on stderr, or a document a line. */
export class Reporter implements Disposable {
  readonly #output: Output;
  readonly #stream: TextStream;
  readonly #facts: ReporterFacts;
  readonly #spinner: Spinner;
  readonly #screen: ((text: string) => void) | undefined;
  #waitingFor = "";

  /**
   * @param documents where the events of --json go: stdout, unless that is a command's or the carried stream's
   * @param screen takes what people are told while a screen is drawn, instead of stderr
   */
  constructor(
    facts: ReporterFacts,
    { output, stderr, env }: Pick<CommandContext, "output" | "stderr" | "env">,
    documents: TextStream,
    screen: ((text: string) => void) | undefined,
  ) {
    this.#screen = screen;
    this.#output = output;
    this.#stream = documents;
    this.#facts = facts;
    // ssh may be killed any time, and its shell's prompt is not to be drawn over.
    this.#spinner = new Spinner(stderr, facts.isStdio ? "dumb" : env["TERM"]);
  }

  tell(event: ConnectEvent): void {
    if (event.event === "waiting") {
      if (event.for === this.#waitingFor) return;
      this.#waitingFor = event.for;
    }
    if (this.#output.json) {
      this.#stream.write(jsonLine({ time: new Date().toISOString(), ...event }));
      return;
    }
    if (this.#screen !== undefined) return this.#screen(wordsOf(event, this.#facts) ?? "ready");
    if (event.event === "waiting") return this.#spinner.wait(event.for);
    const text = sentence(event, this.#facts);
    this.#spinner.stop();
    if (text !== undefined) this.#output.remark(text);
  }

  /** What happens to connections meanwhile, with --json. */
  document(document: object): void {
    this.#stream.write(jsonLine(document));
  }

  /** Nothing is waited for any more. */
  [Symbol.dispose](): void {
    this.#spinner.stop();
  }
}

function wordsOf(event: ConnectEvent, facts: ReporterFacts): string | undefined {
  return event.event === "waiting" ? `waiting for ${event.for}` : sentence(event, facts);
}

/** What people are told of an event; undefined where it is nothing to them. */
export function sentence(
  event: Exclude<ConnectEvent, { event: "waiting" }>,
  { thing, isLocal }: Pick<ReporterFacts, "thing" | "isLocal">,
): string | undefined {
  const now = new Date();
  switch (event.event) {
    case "opened":
      return `opened tunnel ${event.tunnelId} to ${thing}, ends ${formatEnd(event.expiresAt, now)}${isLocal ? "" : "; AWS bills each opening"}`;
    case "reused":
      return `${HOW[event.why]} ${event.tunnelId} to ${thing}, ends ${formatEnd(event.expiresAt, now)}`;
    case "joined":
      return `joined the tunnel connect of process ${event.pid} (tunnel ${event.tunnelId})`;
    case "rotated":
      return `${thing} has not come; it is notified again`;
    case "ready":
      return undefined;
    case "ending-soon":
      return `tunnel ${event.tunnelId} ends ${formatEnd(event.expiresAt, now)}, and its connections with it; a new connect opens another`;
    case "in-use":
      return `${event.others} more on this machine use${event.others === 1 ? "s" : ""} this tunnel; it ends with the last (Ctrl-C ends it now)`;
    case "closed":
      return `closed tunnel ${event.tunnelId}`;
    case "left-open":
      return `tunnel ${event.tunnelId} stays open: ${event.why}; to end it: ${shellLine`tunnel close ${event.tunnelId}`}`;
  }
}

const HOW = {
  open: "reusing the open tunnel",
  "left-over": "taking up the left-over tunnel",
  "taken-over": "taking over the tunnel",
} as const;
