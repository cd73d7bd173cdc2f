// Fuzzes the decoders of foreign bytes, guided by the branches of our sources that each input reaches:
// scripts/fuzz MINUTES [TARGET…]. Prints for each target how often it ran and what it reached; a finding is kept as a
// seed, which test/fuzz replays from then on, and makes this fail.
import { Campaign, type Finding } from "../test/fuzz/campaign.ts";
import { Coverage } from "../test/fuzz/coverage.ts";
import { keepSeed, SEEDS } from "../test/fuzz/seeds.ts";
import type { Target } from "../test/fuzz/target.ts";
import { Watchdog } from "../test/fuzz/watchdog.ts";

/** Executions between two looks at the clock. */
const BATCH = 200;
const COLUMNS = [14, 13, 11, 26, 10, 8] as const;

const [minutes = Number.NaN, ...names] = process.argv
  .slice(2)
  .map((word, index) => (index === 0 ? Number(word) : word)) as [number?, ...string[]];
const coverage = new Coverage();
coverage.watch(/^(?!.*\/node_modules\/).*\/src\/.*\.[jt]sx?$/);
// Only now: what is imported before is not counted.
const { TARGETS } = await import("../test/fuzz/targets.ts");
const wanted = names.length === 0 ? TARGETS : TARGETS.filter(({ name }) => names.includes(name));
const known = TARGETS.map(({ name }) => name);
if (!(minutes > 0) || wanted.length < names.length) {
  console.error(`usage: scripts/fuzz MINUTES [TARGET…]\ntargets: ${known.join(", ")}`);
  process.exit(2);
}

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const watchdog = new Watchdog(SEEDS, known);
console.log(`${wanted.length} targets, ${minutes} minutes in all, SEED=${seed}`);
printRow("target", "executions", "a second", "branches before → after", "pairs", "inputs");
let total = 0;
let findings = 0;
for (const target of wanted) {
  const { executions, finding } = await fuzz(target, (minutes * 60_000) / wanted.length);
  total += executions;
  if (finding === undefined) continue;
  findings += 1;
  console.log(`${target.name}: ${finding.error.stack ?? finding.error.message}`);
  console.log(`${target.name}: kept as ${keepSeed(target.name, finding.input)}`);
}
console.log(`${total.toLocaleString("en")} executions, ${findings} findings`);
await watchdog.close();
process.exit(findings > 0 ? 1 : 0);

async function fuzz(
  target: Target,
  forMs: number,
): Promise<{ readonly executions: number; readonly finding: Finding | undefined }> {
  coverage.clear();
  const campaign = new Campaign(target, known.indexOf(target.name), seed, watchdog, coverage);
  const start = performance.now();
  let finding = await campaign.begin();
  const before = { ...coverage.places, seen: coverage.seen };
  while (finding === undefined && performance.now() - start < forMs) finding = await campaign.go(BATCH);
  const { reached, all } = coverage.places;
  const { executions, corpusSize } = campaign;
  const rate = Math.round(executions / ((performance.now() - start) / 1_000));
  const branches = `${before.reached} → ${reached} of ${all}`;
  printRow(target.name, executions, rate, branches, `+${coverage.seen - before.seen}`, corpusSize);
  return { executions, finding };
}

function printRow(...cells: readonly (string | number)[]): void {
  const texts = cells.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell));
  console.log(
    texts.map((cell, at) => (at === 0 ? cell.padEnd(14) : cell.padStart(COLUMNS[at] ?? 0))).join(" "),
  );
}
