import type { Readable } from "node:stream";
import type { Env } from "../../base/env.ts";
import type { Logger } from "../../base/log.ts";
import type { Settings } from "../config/layers.ts";
import type { OptionKey } from "../config/options.ts";
import type { Output, TextStream } from "../print/output.ts";

/** A word after the command's name that is no option. */
export interface Operand {
  /** As the help shows it, e.g. ID or K=V. */
  readonly name: string;
  readonly describe: string;
  readonly required?: boolean;
  /** Takes every further word; only the last operand may. */
  readonly repeat?: boolean;
}

/** Headings of the overview, in this order. */
export const GROUPS = ["Tunnels", "Proxy", "Emulator", "Setup"] as const;

/** A command is data and a handler: parsing, help and completions are derived from the data. */
export interface Command {
  /** One to three words, e.g. "open" or "serve-local thing add". */
  readonly name: string;
  readonly group: (typeof GROUPS)[number];
  /** One line for the overview. */
  readonly summary: string;
  readonly operands?: readonly Operand[];
  /** Options besides the global ones. */
  readonly options: readonly OptionKey[];
  /** Those of them that it takes several times, though others take them once: their texts are all of them. */
  readonly repeats?: readonly OptionKey[];
  /** Every word after its name is its own: nothing of them is read here. */
  readonly isVerbatim?: boolean;
  /** What may follow `--`, e.g. CMD…; absent: nothing may. */
  readonly rest?: string;
  /** What comes after the first operand is not read by us: it is `rest`. */
  readonly passesOn?: boolean;
  /** Full command lines, the first one the most useful. */
  readonly examples: readonly string[];
  /** Further paragraphs of the help. */
  readonly notes?: readonly string[];
  /** SIGINT, SIGTERM and SIGHUP end it in an orderly way with exit code 0, instead of 130, 143 and 129. */
  readonly endsOnSignal?: boolean;
  /** Only prints something about these options: the files they name are those of another machine, or a later time. */
  readonly printsOnly?: (settings: Settings) => boolean;
  /** Returns an exit code only when it is not 0. Failures are thrown as TunnelError. */
  readonly run: (context: CommandContext) => Promise<number | undefined>;
}

/** All that a handler gets; it reaches for nothing else. */
export interface CommandContext {
  readonly settings: Settings;
  readonly operands: readonly string[];
  /** The words after `--`; absent without `--`. */
  readonly rest: readonly string[] | undefined;
  readonly env: Env;
  readonly output: Output;
  /** For what draws on the terminal or hands it on; answers go through `output`. */
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly log: Logger;
  readonly stdin: () => Readable;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}
