import type { Command, CommandContext } from "../words/command.ts";

export const doctorCommand: Command = {
  name: "doctor",
  group: "Setup",
  summary: "find out what is wrong with credentials, network, clock and service",
  options: ["thing", "service", "mqttEndpoint", "bundle"],
  examples: ["tunnel doctor", "tunnel doctor --local --thing pump-7", "tunnel doctor --bundle ticket.tar.gz"],
  notes: [
    "Each line says ok, warn, fail or unknown, and what to do. Nothing is opened, changed or paid for. The exit code is 0 if nothing failed, else that of the first failure.",
    "A bundle holds the findings, versions, a few settings and the names of variables, for a ticket: no keys, tokens or files of yours; account and access key ids are masked. What goes in is listed before it is written.",
  ],
  run: async (context: CommandContext) => {
    const { runDoctor } = await import("../doctor/run-doctor.ts");
    return runDoctor(context);
  },
};
