// See scripts/kill-storm. Ends with 1 when anything was lost.
import { killStorm, type StormReport } from "../test/helpers/kill-storm.ts";

/** The rest is of the same kind. */
const MOST_TOLD = 30;

const [kills = "100", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
console.log(`${kills} kills, seed ${seed}`);
const report = await killStorm(Number(kills), Number(seed), (line) => console.log(line));
const wrong = [...report.faults, ...report.truncated, ...report.losses, ...report.ownEnds];
for (const sentence of wrong.slice(0, MOST_TOLD)) console.log(sentence);
if (wrong.length > MOST_TOLD) console.log(`… and ${wrong.length - MOST_TOLD} more`);
console.log(summary(report));
process.exit(wrong.length === 0 ? 0 : 1); // what was killed has left half-open sockets behind

function summary({ kills: killed, backMs, conversations, ledger, ...bad }: StormReport): string {
  const names = [...new Set(killed)].map(
    (name) => `${name} ${killed.filter((each) => each === name).length}`,
  );
  const at = (part: number) => Math.round(backMs[Math.floor((backMs.length - 1) * part)] ?? Number.NaN);
  return [
    `killed: ${names.join(", ")}`,
    `back after: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, most ${at(1)} ms`,
    `conversations: ${conversations.whole} whole, ${conversations.reset} reset, ${conversations.refused} refused`,
    `control plane: ${ledger.opened} opened, ${ledger.tagged} tagged, ${ledger.rotated} rotated, ${ledger.closed} closed, ${ledger.unanswered} calls unanswered`,
    `wrong bytes ${bad.faults.length}, truncated ${bad.truncated.length}, acknowledged and lost ${bad.losses.length}, ended by themselves ${bad.ownEnds.length}`,
  ].join("\n");
}
