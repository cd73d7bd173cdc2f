import { UsageError } from "../../base/errors.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const completionCommand: Command = {
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
      "have seen lately; those are kept in ~/.local/state/tunnel/seen (mode 0600), without tokens. The script asks " +
      "this program with every Tab, so that it needs no update.",
  ],
  run: printCompletion,
};

async function printCompletion({ operands, output }: CommandContext): Promise<undefined> {
  const { STUBS } = await import("../words/completion/stub.ts");
  const [shell = ""] = operands;
  const script = Object.hasOwn(STUBS, shell) ? STUBS[shell] : undefined;
  if (script === undefined) {
    const known = Object.keys(STUBS).join(", ");
    throw new UsageError(`"${shell}" is none of ${known}`, "tunnel completion bash");
  }
  if (output.json) {
    output.document({ shell, script });
  } else {
    output.script(script.trimEnd());
  }
  return undefined;
}
