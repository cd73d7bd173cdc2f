// A process for sqlite.test.ts to kill: opens tunnels in the store it is given and says the id of each that is kept.

import { SqliteStore } from "../../../../src/emulator/store/sqlite.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";

const { tunnels } = makeTunnels(new SqliteStore(process.argv[2] ?? ""));
for (;;) {
  const { tunnel, tokens } = tunnels.open({ tags: [{ key: "a", value: "b" }] });
  process.stdout.write(`${tunnel.tunnelId} ${tokens.source.reveal()}\n`);
}
