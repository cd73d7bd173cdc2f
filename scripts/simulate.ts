// Runs seeds of every scenario and play of test/sim until the time is over. A seed that fails is printed, to be kept in
// test/sim/seeds.json; exit code 1 says that there was one.
import { TABLE } from "../test/sim/table.ts";

/** More failures than this tell nothing new. */
const MAX_FAILURES = 20;

const minutes = Number(process.argv[2] ?? 1);
const firstSeed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31));
const until = performance.now() + minutes * 60_000;
const counts = new Map<string, number>();
let failures = 0;
let slowest = 0;
for (let seed = firstSeed; performance.now() < until && failures < MAX_FAILURES; seed++) {
  for (const [name, run] of Object.entries(TABLE)) {
    const startedAt = performance.now();
    try {
      run(seed);
    } catch (error) {
      failures += 1;
      console.log(`${name}, seed ${seed}: ${error instanceof Error ? error.message : error}`);
    }
    slowest = Math.max(slowest, performance.now() - startedAt);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}
for (const [name, count] of counts) console.log(`${count} runs: ${name}`);
const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
console.log(
  `${total} runs from seed ${firstSeed}, ${failures} failed, the slowest took ${Math.round(slowest)} ms`,
);
process.exitCode = failures > 0 ? 1 : 0;
