import { CARRYING_OPTIONS } from "../proxy/carrying.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const pingCommand: Command = {
  name: "ping",
  group: "Tunnels",
  summary: "measure the round trip to a device, end to end",
  options: [
    "thing",
    "service",
    "count",
    "underLoad",
    "wait",
    "lifetime",
    "keep",
    "takeOver",
    ...CARRYING_OPTIONS,
  ],
  examples: [
    "tunnel ping --thing pump-7 --service SSH",
    "tunnel ping --thing pump-7 --service SSH --under-load --count 100 --json",
  ],
  notes: [
    "It takes the tunnel of `tunnel connect`, or one as that does, and asks the `tunnel` at the other end to answer: through service, networks and both programs, and without a word to the application behind. Neither end may say --continuity off. A device with another client is found out in 5 s; its application may see one connection that opens and closes.",
    "The exit code is 0 when an answer came, and 69 when none did. Ctrl-C prints the summary of what there is.",
    "With --under-load it also fills the tunnel towards the device, for as long as it measures: at AWS that is 800 kbit/s, and a metered link of the device pays for it. Bytes of connections go before those of the load, pings before both.",
  ],
  run: async (context: CommandContext) => {
    const { runPing } = await import("../ping/run-ping.ts");
    return runPing(context);
  },
};
