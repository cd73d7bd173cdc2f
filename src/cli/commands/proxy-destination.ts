import { PROXY_NOTES, PROXY_OPTIONS } from "../proxy/proxy-words.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const proxyDestinationCommand: Command = {
  name: "proxy destination",
  group: "Proxy",
  summary: "serve the services of a tunnel from here, as the device does",
  options: ["destination", ...PROXY_OPTIONS],
  examples: [
    "tunnel proxy destination -d SSH=localhost:22 --access-token-file device.token --region eu-west-1",
  ],
  notes: ["It runs until Ctrl-C or until the tunnel ends.", ...PROXY_NOTES],
  endsOnSignal: true,
  run: async (context: CommandContext) => {
    const { runProxyCommand } = await import("../proxy/run-proxy.ts");
    return runProxyCommand("destination", "destination", context);
  },
};
