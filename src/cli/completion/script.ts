import type { Command } from "../command.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { grammarOf } from "./grammar.ts";
import { zshScript } from "./zsh.ts";

/** Shells that completions are made for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The completion script of a shell, for the given commands. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const grammar = grammarOf(commands);
  switch (shell) {
    case "bash":
      return bashScript(grammar);
    case "zsh":
      return zshScript(grammar);
    case "fish":
      return fishScript(grammar);
  }
}
