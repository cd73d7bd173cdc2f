import { CARRYING_OPTIONS } from "../proxy/carrying.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const connectCommand: Command = {
  name: "connect",
  group: "Tunnels",
  summary: "reach a service of a device: open, wait, carry, clean up",
  options: [
    "thing",
    "service",
    "listenOn",
    "open",
    "stdio",
    "wait",
    "lifetime",
    "keep",
    "takeOver",
    "watch",
    "bind",
    "clientType",
    ...CARRYING_OPTIONS,
  ],
  rest: "CMD…",
  examples: [
    "tunnel connect --thing pump-7 --service SSH -p 2222",
    "tunnel connect --thing pump-7 --service WEB -- sh -c 'curl http://$TUNNEL_HOST:$TUNNEL_PORT/'",
    "tunnel connect --thing pump-7 --service WEB --open",
    "tunnel connect --thing pump-7 --service SSH --stdio",
  ],
  notes: [
    "It joins the `tunnel connect` that runs on this machine for the same thing and service, else takes an open tunnel of the thing whose source is not connected, else opens one, which AWS bills. Then it waits for the device, and listens until Ctrl-C or the tunnel's end.",
    "With CMD it runs that command with TUNNEL_HOST and TUNNEL_PORT in its environment, ends with it and returns its exit code.",
    "At its end it closes the tunnel that it opened, once nobody on this machine uses it any more; --keep leaves it open. What a kill -9 left over is found by `tunnel list --stale` and ended by `tunnel close --stale`.",
    "A device that does not come within --wait is notified once more. If it stays away, the exit code is 75.",
  ],
  run: async (context: CommandContext) => {
    const { runConnect } = await import("../connect/run-connect.ts");
    return runConnect(context);
  },
};
