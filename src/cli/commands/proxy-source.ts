import { PROXY_NOTES, PROXY_OPTIONS } from "../proxy/proxy-words.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const proxySourceCommand: Command = {
  name: "proxy source",
  group: "Proxy",
  summary: "listen here for the services of a tunnel's device",
  options: ["listenOn", ...PROXY_OPTIONS],
  examples: [
    "tunnel proxy source -p SSH=2222",
    "tunnel proxy source -p SSH=2222,VNC=/run/user/1000/vnc.sock --tunnel 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
  ],
  notes: [
    "Once ready it prints a line for each service it listens for. It runs until Ctrl-C or until the tunnel ends.",
    ...PROXY_NOTES,
  ],
  endsOnSignal: true,
  run: async (context: CommandContext) => {
    const { runProxyCommand } = await import("../proxy/run-proxy.ts");
    return runProxyCommand("source", "listenOn", context);
  },
};
