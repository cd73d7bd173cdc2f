// A process for sqlite.test.ts to kill: opens tunnels in the store it is given, without end or so many and then sits
// there, and says the id and the source token of each that is kept.

import { SqliteStore } from "../../../../src/emulator/store/sqlite.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";

const [path = "", count = "Infinity"] = process.argv.slice(2);
const { tunnels } = makeTunnels(new SqliteStore(path));
for (let i = 0; i < Number(count); i += 1) {
  const { tunnel, tokens } = tunnels.open({ tags: [{ key: "a", value: "b" }] });
  process.stdout.write(`${tunnel.tunnelId} ${tokens.source.reveal()}\n`);
}
setInterval(() => tunnels.deadline(), 60_000); // a store that nobody uses any more would be collected, and closed
