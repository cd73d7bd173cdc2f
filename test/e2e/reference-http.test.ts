// Browsers' traffic through a tunnel whose one side is the reference: many keep-alive connections at once, small and
// large pages. The reference gives up when one connection gets more than it has room for, so all depends on our pace.
// RUNS=20 repeats; TUNNEL=… tries another build.
import { expect } from "bun:test";
import { carry } from "../helpers/carried.ts";
import { TestClient } from "../helpers/clients.ts";
import { type Pair, runsOr, testWithReference } from "../helpers/reference.ts";
import { startHttpServer } from "../helpers/servers.ts";
import { saidBytes } from "../helpers/services.ts";
import { within } from "../helpers/wait.ts";

const CLIENTS = 12;
const REQUESTS = 25;
const RUNS = runsOr(2);
const RUN_TIMEOUT_MS = 60_000;
const LARGEST = saidBytes(300_000);

const PAIRS: readonly (readonly [name: string, pair: Pair])[] = [
  ["the reference's source beside our destination", { source: "reference", destination: "ours" }],
  ["our source beside the reference's destination", { source: "ours", destination: "reference" }],
];

/** How many runs came back whole, and what the others lost. */
async function count(pair: Pair): Promise<{ readonly whole: number; readonly lost: readonly string[] }> {
  const lost: string[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    await using web = await startHttpServer((request, response) => {
      const size = Number(request.url?.slice(1));
      response.setHeader("content-length", size);
      response.end(LARGEST.subarray(0, size));
    });
    await using carried = await carry({ WEB: `127.0.0.1:${web.port}` }, pair);
    const options = { connections: CLIENTS, requests: REQUESTS };
    await using clients = new TestClient(carried.portOf("WEB"), "http", options);
    const outcomes = await within(`run ${run}`, clients.outcomes(), RUN_TIMEOUT_MS);
    const broken = outcomes
      .filter(({ end }) => end !== "end")
      .map(({ bytes, end }) => `${bytes} bytes, ${end}`);
    if (broken.length > 0) lost.push(`run ${run}: ${broken.length} of ${CLIENTS}: ${broken[0]}`);
  }
  const whole = RUNS - lost.length;
  console.log(
    `${CLIENTS} × ${REQUESTS} requests, ${pair.source} to ${pair.destination}: ${whole} of ${RUNS} runs whole`,
  );
  return { whole, lost };
}

for (const [name, pair] of PAIRS) {
  testWithReference(
    `${CLIENTS} keep-alive clients get every page through ${name}`,
    async () => expect(await count(pair)).toEqual({ whole: RUNS, lost: [] }),
    RUNS * RUN_TIMEOUT_MS,
  );
}
