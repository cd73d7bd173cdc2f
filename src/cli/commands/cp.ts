import { SSH_OPTIONS } from "../connect/ssh-proxy-command.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const cpCommand: Command = {
  name: "cp",
  group: "Tunnels",
  summary: "copy files to and from a device with OpenSSH's scp",
  operands: [
    { name: "SOURCE…", describe: "a path here, or THING:PATH or USER@THING:PATH", required: true },
    { name: "TARGET", describe: "the same; a directory for several sources", required: true, repeat: true },
  ],
  options: ["recursive", "service", ...SSH_OPTIONS],
  rest: "OPTION…",
  examples: [
    "tunnel cp firmware.bin root@pump-7:/tmp/",
    "tunnel cp -r pump-7:/var/log/pump logs",
    "tunnel cp pump-7:settings.json pump-8:",
    "tunnel cp big.img pump-7: -- -i key.pem -l 800",
  ],
  notes: [
    "A path is one of this machine when it has no colon, or a slash before it: ./a:b. A thing whose name has a colon stands in brackets: [site:valve]:PATH. What stands after -- is for scp.",
    "It is `scp` with a ProxyCommand, as `tunnel ssh` is `ssh` with one: the device is known as THING.thing, and needs an SSH server with SFTP. Between two devices files go by way of this machine. The exit code is that of scp.",
  ],
  run: async (context: CommandContext) => {
    const { sshOptions } = await import("../connect/ssh-proxy-command.ts");
    const { scpWords } = await import("../connect/scp-words.ts");
    const { runChild } = await import("../process/child.ts");
    const words = scpWords(context.operands);
    const options = [
      ...sshOptions("%n", context),
      ...(context.settings.get("recursive") ? ["-r"] : []),
      ...(context.rest ?? []),
    ];
    return runChild(["scp", ...options, ...words], context.env, context.signal);
  },
};
