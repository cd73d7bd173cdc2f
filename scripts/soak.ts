// See scripts/soak.
import { type SoakReport, soak } from "../test/helpers/soak.ts";
import type { Growth } from "../test/helpers/trend.ts";

const MEBIBYTE = 1024 * 1024;

/** The rest is of the same kind. */
const MOST_TOLD = 30;

const [minutes = "10", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
console.log(`${minutes} minutes, seed ${seed}`);
const report = await soak(Number(minutes) * 60_000, Number(seed));
print(report);
process.exit(report.wrong.length === 0 ? 0 : 1); // wires with vanished ends may still hold sockets

function print({ growth, conversations, bytes, ledger, wrong, ...run }: SoakReport): void {
  for (const sentence of wrong.slice(0, MOST_TOLD)) console.log(sentence);
  if (wrong.length > MOST_TOLD) console.log(`… and ${wrong.length - MOST_TOLD} more`);
  console.log("process               memory     grows by an hour   descriptors   grow by an hour");
  for (const [name, each] of Object.entries(growth)) console.log(rowOf(name, each));
  const { whole, reset, refused } = conversations;
  const mebibytes = Math.round(bytes / MEBIBYTE);
  console.log(`conversations: ${whole} whole, ${reset} reset, ${refused} refused; ${mebibytes} MiB compared`);
  console.log(`troubles: ${listOf(run.troubles)}; rotations ${run.rotations}`);
  console.log(`back after the last trouble: ${Math.round(run.backMs)} ms`);
  console.log(`control plane: ${listOf({ ...ledger })}`);
  console.log(`lost: ${wrong.length}`);
}

function rowOf(name: string, { bytes, bytesPerHour, descriptors, descriptorsPerHour }: Growth): string {
  return [
    name.padEnd(18),
    `${(bytes / MEBIBYTE).toFixed(1)} MiB`.padStart(10),
    `${(bytesPerHour / MEBIBYTE).toFixed(1)} MiB`.padStart(18),
    descriptors.toFixed(0).padStart(13),
    descriptorsPerHour.toFixed(1).padStart(17),
  ].join(" ");
}

function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
