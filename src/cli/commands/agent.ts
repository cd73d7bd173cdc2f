import { AGENT_KEYS } from "../config/agent-options.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const agentCommand: Command = {
  name: "agent",
  group: "Proxy",
  summary: "carry every tunnel that is opened for this device",
  options: AGENT_KEYS,
  examples: [
    "tunnel agent --thing pump-7 --map SSH=22 --region eu-west-1 --cert pump-7.pem --key pump-7.key",
    "tunnel agent --local --thing pump-7 --map SSH=22 --map WEB=192.168.1.9:80 --map APP=/run/app.sock",
    "tunnel agent --thing pump-7 --map SSH=22 --region eu-west-1 --print-unit",
  ],
  notes: [
    "It waits for the notifications of the thing's tunnels and connects to each, until it is stopped. SIGTERM lets open connections end within --grace; a second one ends at once.",
    "Nothing but what --map names is ever dialled. A tunnel with another service is refused with a line in the log.",
    "With --cert and --key it uses MQTT over TLS, on port 443 with ALPN; without them MQTT over WebSocket with AWS credentials. Without AWS credentials it has to be told the broker (--mqtt-endpoint); `aws iot describe-endpoint --endpoint-type iot:Data-ATS` names it. With --local it finds everything by itself, and adds the thing if it has to.",
    "Running sessions are kept in the state directory (--state-dir, $STATE_DIRECTORY, or ~/.local/state/tunnel/agent/THING), so that it goes on with them after a crash. Each session's end is a line of JSON on standard output; with --json every event is one.",
  ],
  endsOnSignal: true,
  printsOnly: (settings) => settings.get("printUnit"),
  run: async (context: CommandContext) => {
    const { runAgentCommand } = await import("../agent/run-agent.ts");
    return runAgentCommand(context);
  },
};
