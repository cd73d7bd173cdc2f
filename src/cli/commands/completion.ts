import { UsageError } from "../../base/errors.ts";
import type { Command, CommandContext } from "../command.ts";

/** The command, for a table that it is itself in. */
export function completionCommandFor(commands: () => readonly Command[]): Command {
  return { ...COMMAND, run: (context) => printCompletion(commands(), context) };
}

const COMMAND: Omit<Command, "run"> = {
  name: "completion",
  group: "Setup",
  summary: "print the completion script of a shell",
  operands: [{ name: "bash|zsh|fish", describe: "the shell", required: true }],
  options: [],
  examples: ["tunnel completion bash", "tunnel completion zsh", "tunnel completion fish"],
  notes: [
    "bash: tunnel completion bash > ~/.local/share/bash-completion/completions/tunnel (needs the package " +
      "bash-completion), or in ~/.bashrc: source <(tunnel completion bash)",
    "zsh: tunnel completion zsh > DIR/_tunnel, where DIR is in $fpath, or in ~/.zshrc behind compinit: " +
      "source <(tunnel completion zsh)",
    "fish: tunnel completion fish > ~/.config/fish/completions/tunnel.fish",
    "Offered are commands, options and their values, and the ids and things that open, list, describe and connect " +
      "have seen lately; those are kept in ~/.local/state/tunnel/seen (mode 0600), without tokens.",
  ],
};

async function printCompletion(
  commands: readonly Command[],
  { operands, output }: CommandContext,
): Promise<undefined> {
  const { completionScript, SHELLS } = await import("../completion/script.ts");
  const shell = SHELLS.find((each) => each === operands[0]);
  if (shell === undefined) {
    throw new UsageError(`"${operands[0]}" is none of ${SHELLS.join(", ")}`, "tunnel completion bash");
  }
  const script = completionScript(shell, commands);
  if (output.json) {
    output.document({ shell, script });
  } else {
    output.script(script.trimEnd());
  }
  return undefined;
}
