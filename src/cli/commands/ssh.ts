import { sshHostOf } from "../connect/ssh-host.ts";
import { SSH_OPTIONS } from "../connect/ssh-proxy-command.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const sshCommand: Command = {
  name: "ssh",
  group: "Tunnels",
  summary: "log in to a device with OpenSSH",
  operands: [{ name: "THING", describe: "the device's thing, or USER@THING", required: true }],
  options: ["service", ...SSH_OPTIONS],
  passesOn: true,
  examples: [
    "tunnel ssh pump-7",
    "tunnel ssh root@pump-7 uptime",
    "tunnel ssh pump-7 -L 8080:localhost:80 -N",
    "tunnel ssh --service SSH2 --region eu-west-1 pump-7",
  ],
  notes: [
    "What stands after THING is for ssh, options as well; options of tunnel stand before it. The device is known to ssh as THING.thing: so its host key is kept, and so a `Host *.thing` block of your configuration applies.",
    "It is `ssh` with a ProxyCommand; `tunnel ssh-config` prints it for scp, rsync, git and editors. The exit code is that of ssh.",
  ],
  run: async (context: CommandContext) => {
    const { sshOptions } = await import("../connect/ssh-proxy-command.ts");
    const { runChild } = await import("../process/child.ts");
    const { thing, host } = sshHostOf(context.operands[0] ?? "", "tunnel ssh pump-7");
    const command = ["ssh", ...sshOptions(thing, context), host, ...(context.rest ?? [])];
    return runChild(command, context.env, context.signal);
  },
};
