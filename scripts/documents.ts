// Reads the commands that our documents show: in blocks, in the files of CI systems, and in the middle of a sentence.
import { globSync } from "node:fs";

/** Every document of ours, from the top. */
export function documents(): string[] {
  return ["README.md", "CONTRIBUTING.md", "SECURITY.md", "test/README.md", ...globSync("docs/*.md").sort()];
}

/** A fenced block. */
export interface Block {
  readonly language: string;
  /** Words behind the language, e.g. `run`. */
  readonly how: readonly string[];
  readonly text: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
}

/** The fenced blocks of a document, in order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; how: string[]; start: number } | undefined;
  const lines = markdown.split("\n");
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith("```")) continue;
    if (open === undefined) {
      const [language = "", ...how] = line.slice(3).trim().split(/\s+/);
      open = { language, how, start: index + 1 };
    } else {
      const { start, ...kind } = open;
      blocks.push({ ...kind, text: lines.slice(start, index).join("\n"), line: start + 1 });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.start} has no end`);
  return blocks;
}

/** What is not in a fenced block. */
export function proseOf(markdown: string): string {
  return markdown.replaceAll(/^```[^\n]*\n.*?^```$/gms, "");
}

/** Code within sentences and tables, as it would be typed. */
export function spansOf(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/`([^`]+)`/g)].map(([, code = ""]) =>
    code.replaceAll("\\|", "|").replaceAll(/\s*\n\s*/g, " "),
  );
}

/** The lines of a console block that somebody types; what it answers is left out. */
export function typedLines(text: string): string {
  const typed = text.split("\n").filter((line) => line.startsWith("$ "));
  return typed.map((line) => line.slice(2)).join("\n");
}

/** Members of a CI file that hold commands. */
const SCRIPT_MEMBERS = new Set(["run", "script", "before_script"]);

/** The shell texts of a CI file that has been parsed. */
export function scriptsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(scriptsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    SCRIPT_MEMBERS.has(name) ? [member].flat().map(String) : scriptsIn(member),
  );
}
