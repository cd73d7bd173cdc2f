// The answer to `tunnel complete -- WORDS…`, which the completions of the shells ask with every Tab.

import type { Env } from "../../../base/env.ts";
import { escapeControl } from "../../../base/escape.ts";
import type { Option, Takes } from "../../config/option.ts";
import type { Command } from "../command.ts";
import { commandNamed } from "../command-names.ts";
import { type Candidate, nextNames, optionCandidates } from "./candidates.ts";
import { type Position, positionOf } from "./position.ts";
import { readSeen } from "./seen.ts";

/** What a shell is to do: offer the candidates, offer names of files itself, or complete another command's line. */
interface Answer {
  readonly directive: "words" | "files" | "directories" | `command ${number}`;
  readonly candidates: readonly Candidate[];
}

const NOTHING: Answer = { directive: "words", candidates: [] };

/**
 * What can stand in the place of the last word, as lines: first “:” and what the shell is to do (with `command N`, the
 * word with the number N, from 0, is a command of its own), then one candidate a line, some with a description behind a
 * tab. They are not only those that begin with the last word: each shell has its own idea of what matches. An option
 * that was given already and cannot be repeated is left out. It reads what was seen lately, and never fails.
 */
export function completionAnswer(words: readonly string[], commands: readonly Command[], env: Env): string {
  const { directive, candidates } = answerAt(positionOf(words, commands), commands, env);
  const lines = candidates.map(({ word, describe }) =>
    [word, ...(describe === undefined ? [] : [describe])].map((text) => escapeControl(text)).join("\t"),
  );
  return [`:${directive}`, ...lines, ""].join("\n");
}

function answerAt(position: Position, commands: readonly Command[], env: Env): Answer {
  switch (position.type) {
    case "option":
      return ofWords(optionCandidates(commandNamed(position.names, commands), position.given));
    case "value":
      return attach(position.attached, valueAnswer(position.option, env));
    case "name":
      return nameAnswer(position, commands, env);
    case "rest": {
      const isTaken = commandNamed(position.names, commands)?.rest?.startsWith("CMD");
      return isTaken ? { directive: `command ${position.start}`, candidates: [] } : NOTHING;
    }
    case "foreign":
      return NOTHING;
  }
}

function ofWords(candidates: readonly Candidate[]): Answer {
  return { directive: "words", candidates };
}

function valueAnswer({ choices, takes }: Option<unknown>, env: Env): Answer {
  return choices === undefined ? answerFor(takes, env) : ofWords(choices.map((word) => ({ word })));
}

/** The shells look for the whole word. */
function attach(prefix: string, { directive, candidates }: Answer): Answer {
  return { directive, candidates: candidates.map((each) => ({ ...each, word: `${prefix}${each.word}` })) };
}

function answerFor(takes: Takes | undefined, env: Env): Answer {
  switch (takes) {
    case "file":
    case "path":
      return { directive: "files", candidates: [] };
    case "directory":
      return { directive: "directories", candidates: [] };
    case "thing":
      return ofWords(readSeen(env, "things").map(({ name }) => ({ word: name })));
    case "tunnel":
      return ofWords(readSeen(env, "tunnels").map(({ name, thing }) => ({ word: name, describe: thing })));
    case "context":
    case undefined:
      return NOTHING;
  }
}

/** A further word of a command's name, or an operand; options where no word is left to be typed. */
function nameAnswer(
  { names, given }: Extract<Position, { type: "name" }>,
  commands: readonly Command[],
  env: Env,
): Answer {
  const next = nextNames(names, commands);
  const command = commandNamed(names, commands);
  if (command === undefined) return ofWords(next);
  const { operands = [] } = command;
  const place = names.length - command.name.split(" ").length;
  const operand = operands[place] ?? (operands.at(-1)?.repeat ? operands.at(-1) : undefined);
  if (operand !== undefined) {
    const answer = operandAnswer(operand.name, env);
    return { ...answer, candidates: [...next, ...answer.candidates] };
  }
  return ofWords(next.length > 0 ? next : optionCandidates(command, given));
}

/** Operands are named after what they are. */
const OPERANDS: Readonly<Record<string, Takes>> = {
  ID: "tunnel",
  "ID|ARN": "tunnel",
  THING: "thing",
  "SOURCE…": "path",
  TARGET: "path",
};

function operandAnswer(name: string, env: Env): Answer {
  const isList = /^[a-z]+(\|[a-z]+)+$/.test(name);
  return isList ? ofWords(name.split("|").map((word) => ({ word }))) : answerFor(OPERANDS[name], env);
}
