// The one place where an error becomes prose.

import { TunnelError } from "../../base/errors.ts";
import { escapeControl, jsonLine } from "../../base/escape.ts";

/** What is printed on stderr about a failure: lines for people, or one JSON object for scripts. */
export function reportError(
  error: unknown,
  options: { readonly json: boolean; readonly local?: boolean },
): string {
  const facts = describeError(error);
  if (options.json) {
    const local = options.local ? { local: true } : {};
    return jsonLine({
      error: { code: facts.code, message: facts.message, hint: facts.hint ?? null },
      ...local,
    });
  }
  const hint = facts.hint === undefined ? "" : `tunnel: hint: ${facts.hint}\n`;
  return `tunnel: error: ${facts.message}\n${hint}${facts.stack ?? ""}`;
}

interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly stack?: string | undefined;
}

function describeError(error: unknown): ErrorFacts {
  if (error instanceof TunnelError && error.code !== "ERR_BUG") {
    const hint = error.hint === undefined ? undefined : escapeControl(error.hint, 1_000);
    return { code: error.code, message: escapeControl(error.message, 1_000), hint };
  }
  return {
    code: "ERR_BUG",
    message: `unexpected: ${escapeControl(error instanceof Error ? error.message : String(error), 1_000)}`,
    hint: "this is a bug of tunnel; please report it with the lines below and the command you typed",
    stack: error instanceof Error && error.stack ? indent(error.stack) : undefined,
  };
}

function indent(stack: string): string {
  const lines = stack.split("\n").slice(0, 20);
  return lines.map((line) => `  ${escapeControl(line.trim(), 300)}\n`).join("");
}
