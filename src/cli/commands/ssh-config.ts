import { SSH_OPTIONS } from "../connect/ssh-proxy-command.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const sshConfigCommand: Command = {
  name: "ssh-config",
  group: "Tunnels",
  summary: "print the ssh configuration by which ssh, scp, rsync and git reach devices",
  options: ["service", ...SSH_OPTIONS],
  examples: ["tunnel ssh-config", "tunnel ssh-config --region eu-west-1 --profile prod"],
  notes: [
    "Put at the end of ~/.ssh/config, it makes `ssh pump-7.thing` reach the thing pump-7. The options given now are written into it.",
  ],
  run: printConfig,
};

async function printConfig(context: CommandContext): Promise<undefined> {
  const { proxyCommandOf } = await import("../connect/ssh-proxy-command.ts");
  const { output } = context;
  const proxyCommand = proxyCommandOf("%n", context);
  if (output.json) {
    output.document({ host: "*.thing", proxyCommand, checkHostIp: "no" });
    return undefined;
  }
  output.line(
    "# Devices by the names of their things: ssh pump-7.thing, scp file pump-7.thing:, git, rsync.",
  );
  output.line(
    "# Host keys are kept by that name, in lower case. For things whose names differ in case alone,",
  );
  output.line("# put a block of each before this one: Host Pump-7.thing, with a HostKeyAlias.");
  output.line("Host *.thing");
  output.line(`  ProxyCommand ${proxyCommand}`);
  output.line("  CheckHostIP no");
  return undefined;
}
