import { ConfigError, UsageError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { systemReason } from "../../base/system-reason.ts";
import { readTextSource } from "../config/text-source.ts";
import { BadValueError, readThing } from "../config/values.ts";
import type { CommandContext } from "../words/command.ts";
import { quote } from "../words/suggest.ts";

/** Beyond this a run takes days, and belongs to a program that remembers what it has done. */
const MAX_THINGS = 10_000;
/** As many names of the greatest length, with a comment each. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

const EXAMPLE = "tunnel run --thing pump-7 --thing pump-8 -- CMD…";

/**
 * The things that --thing and --things name, each once, in their order. Throws UsageError, ConfigError for a file that
 * cannot be read or holds what is no thing, and the signal's reason.
 */
export async function readThings({ settings, stdin, signal }: CommandContext): Promise<string[]> {
  const file = settings.get("things");
  const named = (settings.texts("thing") ?? []).map(namedThing);
  const listed = file === undefined ? [] : thingsIn(await textOf(file, stdin, signal), sourceName(file));
  const things = [...new Set([...named, ...listed])];
  if (things.length === 0) {
    throw file === undefined
      ? new UsageError("--thing or --things is missing: run the command for which devices?", EXAMPLE)
      : new ConfigError(`${sourceName(file)} names no thing`, { hint: "write one on each line" });
  }
  if (things.length > MAX_THINGS) {
    throw new UsageError(`${things.length} things: at most ${MAX_THINGS} at a time`, "split the list");
  }
  return things;
}

/** The things of a list: one a line; empty lines and what follows a `#` are passed by. Throws ConfigError. */
export function thingsIn(text: string, source: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const name = line.replace(/#.*/s, "").trim();
    if (name === "") return [];
    try {
      return [readThing(name)];
    } catch (error) {
      if (!(error instanceof BadValueError)) throw error;
      throw new ConfigError(`${source}, line ${index + 1}: ${quote(name)} is no thing: ${error.message}`);
    }
  });
}

function namedThing(text: string): string {
  try {
    return readThing(text);
  } catch (error) {
    if (!(error instanceof BadValueError)) throw error;
    throw new UsageError(`thing ${quote(text)} (from --thing): ${error.message}`);
  }
}

async function textOf(file: string, stdin: CommandContext["stdin"], signal: AbortSignal): Promise<string> {
  try {
    return await readTextSource(file, stdin, MAX_FILE_BYTES, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof BadValueError ? error.message : systemReason(error);
    throw new ConfigError(`cannot read things from ${sourceName(file)}: ${reason}`, {
      cause: error,
      hint: "name a file with a thing on each line, or give them on standard input: --things -",
    });
  }
}

function sourceName(file: string): string {
  return file === "-" ? "standard input" : `"${escapeControl(file, 200)}"`;
}
