// Everything that is played with chance, by the names under which a failing seed is kept in seeds.json.
import type { Side } from "../../src/emulator/relay/relay.ts";
import { CONTINUITY_PLAYS } from "./continuity-plays.ts";
import { PLAYS } from "./plays.ts";
import { Random } from "./random.ts";
import { PAIRINGS, runScenario } from "./scenario.ts";

type Table = Readonly<Record<string, (seed: number) => void>>;

const RESUME_TIMEOUT_MS = 900_000;
const WHERE: readonly (readonly Side[])[] = [["source", "destination"], ["source"], ["destination"]];

/** Tunnels between any two kinds of ends. */
export const TUNNELS: Table = Object.fromEntries(
  Object.entries(PAIRINGS).map(([name, pairing]) => [name, (seed) => runScenario(pairing, seed)]),
);

/** The same, with continuity at both ends or at one. */
export const CONTINUITY_TUNNELS: Table = Object.fromEntries(
  Object.entries(PAIRINGS).flatMap(([name, pairing]) =>
    WHERE.map((sides) => [
      `${name}, continuity at ${sides.join(" and ")}`,
      (seed) => runScenario(pairing, seed, { sides, resumeTimeoutMs: RESUME_TIMEOUT_MS }),
    ]),
  ),
);

/** What a tunnel promises. */
export const PROMISES: Table = seeded(PLAYS, "");

/** What it promises where connections outlive their WebSockets. */
export const CONTINUITY_PROMISES: Table = seeded(CONTINUITY_PLAYS, "continuity: ");

export const TABLE: Table = { ...TUNNELS, ...CONTINUITY_TUNNELS, ...PROMISES, ...CONTINUITY_PROMISES };

/** @throws Error where there is nothing of this name, and what it finds */
export function play(name: string, seed: number): void {
  const run = new Map(Object.entries(TABLE)).get(name);
  if (run === undefined) throw new Error(`there is no play named "${name}" in test/sim/table.ts`);
  run(seed);
}

function seeded(plays: Readonly<Record<string, (random: Random) => void>>, prefix: string): Table {
  return Object.fromEntries(
    Object.entries(plays).map(([name, run]) => [`${prefix}${name}`, (seed) => run(new Random(seed))]),
  );
}
