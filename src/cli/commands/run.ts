import { CARRYING_OPTIONS } from "../proxy/carrying.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const runCommand: Command = {
  name: "run",
  group: "Tunnels",
  summary: "run a command for many devices, each through a tunnel of its own",
  options: [
    "thing",
    "things",
    "service",
    "parallel",
    "wait",
    "lifetime",
    "keep",
    "takeOver",
    "bind",
    "clientType",
    ...CARRYING_OPTIONS,
  ],
  repeats: ["thing"],
  rest: "CMD…",
  examples: [
    "tunnel run --thing pump-7 --thing pump-8 -- sh -c 'ssh -p $TUNNEL_PORT $TUNNEL_HOST uptime'",
    "tunnel run --things things.txt --parallel 20 -- sh -c 'nc $TUNNEL_HOST $TUNNEL_PORT'",
    "tunnel run --things - --json -- python3 update.py",
  ],
  notes: [
    "CMD is run once for each thing, with TUNNEL_THING, TUNNEL_HOST and TUNNEL_PORT in its environment and nothing on its standard input; --thing may be repeated. The service is SSH unless --service names another. Each tunnel is found, opened and closed as `tunnel connect` does; AWS bills each opening.",
    "Each line of output begins with its thing; control characters in it are escaped. At the end stderr tells how each went. The exit code is 0 when every command ended with 0, else 1. A fault that all things share, such as a command that does not exist or no credentials, ends the run with its own exit code.",
    "Ctrl-C is handed on to the commands that run, starts no more, and closes what was opened; a second one kills them.",
  ],
  run: async (context: CommandContext) => {
    const { runFleet } = await import("../fleet/run-fleet.ts");
    return runFleet(context);
  },
};
