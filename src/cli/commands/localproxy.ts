import { UsageError } from "../../base/errors.ts";
import type { Command } from "../words/command.ts";

/** Only its help is used: run.ts hands the words over unread, since the reference's options are not ours. */
export const localproxyCommand: Command = {
  name: "localproxy",
  group: "Proxy",
  summary: "take the command line of the AWS IoT localproxy, for scripts written for it",
  options: [],
  isVerbatim: true,
  examples: ["tunnel localproxy -r us-east-1 -s SSH=5555", "tunnel localproxy --help"],
  notes: [
    "All words after it are read as the reference proxy 3.3.1 reads them; `tunnel localproxy --help` lists them. A link to this program with the name localproxy does the same.",
  ],
  run: async () => {
    throw new UsageError("localproxy must be the first word", "tunnel localproxy …");
  },
};
