// See scripts/bench.
import { writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { version } from "../../package.json";
import { TestProcess } from "../helpers/process.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { type Carrier, haproxy, ours, reference, socat, ssh } from "./carriers.ts";
import { answers, beside, type Figures, peaks, rates } from "./measures.ts";
import { page, picture, type Run } from "./page.ts";
import { slowLink } from "./slow-link.ts";

const SLOW_BYTES_PER_SECOND = 800_000;
const BASE = "socat, TLS";

const [rounds = 10, mib = 256] = process.argv.slice(2, 4).map(Number);
const output = process.argv[4];
const MIB = 1024 ** 2;

await using stack = new AsyncDisposableStack();
const load = stack.use(new TestProcess("bun", ["test/bench/load.ts", "serve"], process.env));
const site = {
  stack,
  dir: stack.use(tempDir()).path,
  loadPort: Number((await load.waitForLine(/^\d+$/))[0]),
};
const server = stack.use(await serveLocal());
const carriers = [await ours(site, server), await socat(site), await haproxy(site), await ssh(site)];
const program = process.env["LOCALPROXY"];
if (program) carriers.push(await reference(site, program));

/** All values, by carrier and by what was measured. */
const values = new Map<string, Map<string, number[]>>();

for (let round = 0; round < rounds; round += 1) {
  // Each goes first once in a while: a machine that has just rested is a faster one.
  for (let at = 0; at < carriers.length; at += 1) {
    await measure(carriers[(at + round) % carriers.length] as Carrier);
  }
  console.error(`round ${round + 1} of ${rounds}`);
}
for (const carrier of carriers) keep(carrier.name, peaks(carrier));
for (const side of ["source", "destination"] as const) await overSlowHop(side);
report();

async function measure(carrier: Carrier): Promise<void> {
  keep(carrier.name, await rates(carrier, mib * MIB));
  keep(carrier.name, await answers(carrier));
  if (carrier.isFragile) return;
  for (const direction of ["up", "down"] as const) keep(carrier.name, await beside(carrier, direction));
}

/** Ours alone: one side reaches the service over a slow hop. */
async function overSlowHop(side: "source" | "destination"): Promise<void> {
  using link = await slowLink(Number(new URL(server.endpoint.controlPlane).port), SLOW_BYTES_PER_SECOND);
  const carrier = await ours(site, server, { [`${side}By`]: `localhost:${link.port}` });
  for (const direction of ["up", "down"] as const) keep("tunnel", await beside(carrier, direction, side));
}

function keep(name: string, figures: Figures): void {
  const own = values.get(name) ?? new Map<string, number[]>();
  values.set(name, own);
  for (const [what, value] of Object.entries(figures)) own.set(what, [...(own.get(what) ?? []), value]);
}

function report(): void {
  const medians = new Map(
    [...values].map(([name, own]) => [name, new Map([...own].map(([what, all]) => [what, median(all)]))]),
  );
  const run: Run = {
    version,
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}`,
    versions: `Bun ${process.versions["bun"]}`,
    rounds,
    mib,
    medians,
  };
  console.log(page(run));
  if (output === undefined) return;
  writeFileSync(`${output}/benchmarks.md`, page(run));
  writeFileSync(`${output}/benchmarks.svg`, picture(run, BASE));
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
}
