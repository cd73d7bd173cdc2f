// Traffic both ways through services that read nothing while they write, as most are written: what they wait for must
// never wait for them. RUNS=100 repeats each; TUNNEL=… tries another build.
import { describe, expect } from "bun:test";
import { carry } from "../helpers/carried.ts";
import { type ClientOptions, type Outcome, saidSha256, TestClient } from "../helpers/clients.ts";
import { PAIRS, type Pair, runsOr, testPair } from "../helpers/reference.ts";
import { type ServiceOptions, startService } from "../helpers/services.ts";
import { within } from "../helpers/wait.ts";

const MIB = 1024 * 1024;
/** Half the time after which a proxy cuts a connection that stands still: a freeze is told from a slow machine. */
const MAX_STILL_S = 5;
const RUN_TIMEOUT_MS = 120_000;
const RUNS = runsOr(2);

interface Case {
  readonly name: string;
  readonly client: ClientOptions;
  readonly service?: ServiceOptions;
}

const CASES: readonly Case[] = [
  { name: "3 × 24 MiB", client: { connections: 3, bytes: 24 * MIB } },
  {
    name: "3 × 24 MiB, all buffers small",
    client: { connections: 3, bytes: 24 * MIB, sndbuf: 16_384, rcvbuf: 16_384 },
    service: { sndbuf: 16_384, rcvbuf: 16_384 },
  },
  {
    name: "3 × 24 MiB, chunks of 1 MiB",
    client: { connections: 3, bytes: 24 * MIB, chunk: MIB },
    service: { chunk: MIB },
  },
  {
    name: "3 × 8 MiB, a client that reads only what it has written",
    client: { connections: 3, bytes: 8 * MIB, way: "turns" },
  },
  {
    name: "3 × 8 MiB, a client that writes 1 MiB before it reads",
    client: { connections: 3, bytes: 8 * MIB, way: "turns", chunk: MIB },
  },
  { name: "16 × 16 MiB", client: { connections: 16, bytes: 16 * MIB } },
];

describe.each(CASES)("$name through a blocking echo service", ({ name, client, service }) => {
  for (const pair of PAIRS) {
    const title = `come back whole in ${RUNS} of ${RUNS} runs`;
    testPair(title, pair, () => repeat(name, pair, client, service), RUNS * RUN_TIMEOUT_MS);
  }
});

/** What went wrong in a run; empty where nothing did. */
function faultsOf(outcomes: readonly Outcome[], bytes: number, isSourceOurs: boolean): readonly string[] {
  return outcomes.flatMap((outcome) => {
    const said = `${outcome.bytes} bytes, ${outcome.end}, still ${outcome.still} s`;
    if (outcome.still > MAX_STILL_S) return [`frozen: ${said}`];
    if (outcome.sha256 !== saidSha256(outcome.bytes)) return [`wrong bytes: ${said}`];
    // The reference's source gives up under load beside its own destination too: what it gave must be right.
    const isWhole = outcome.bytes === bytes && outcome.end === "end";
    return isWhole || !isSourceOurs ? [] : [`not whole: ${said}`];
  });
}

async function repeat(
  name: string,
  pair: Pair,
  client: ClientOptions,
  service: ServiceOptions | undefined,
): Promise<void> {
  const { bytes = 0 } = client;
  const bad: string[] = [];
  const all: Outcome[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    await using echo = await startService("tcp", "echo", service);
    await using carried = await carry({ ECHO: echo.address }, pair);
    await using clients = new TestClient(carried.portOf("ECHO"), "echo", client);
    const outcomes = await within(`run ${run}`, clients.outcomes(), RUN_TIMEOUT_MS);
    all.push(...outcomes);
    const faults = faultsOf(outcomes, bytes, pair.source === "ours");
    if (faults.length > 0) bad.push(`run ${run}: ${faults.join("; ")}`);
  }
  const whole = all.filter((outcome) => outcome.bytes === bytes && outcome.end === "end").length;
  const slowest = Math.max(...all.map(({ seconds }) => seconds));
  const stillest = Math.max(...all.map(({ still }) => still));
  console.log(
    `${name}, ${pair.source} to ${pair.destination}: ${RUNS - bad.length} of ${RUNS} runs, ${whole} of ${all.length} connections whole; slowest ${slowest} s, stillest ${stillest} s`,
  );
  expect(bad).toEqual([]);
}
