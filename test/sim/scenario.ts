import type { Side } from "../../src/emulator/relay/relay.ts";
import type { Application } from "./application.ts";
import { Random } from "./random.ts";
import { type Kind, World, type WorldOptions } from "./world.ts";

const ENGINE: Kind = { type: "engine" };
const ALL_SERVICES = ["SSH", "VNC", "HTTP"];

type Pairing = readonly [source: Kind, destination: Kind];

/** Who meets whom, for the titles of tests. */
export const PAIRINGS: Readonly<Record<string, Pairing>> = {
  "two engines": [ENGINE, ENGINE],
  "two engines, format 2 given": [{ type: "engine", format: 2 }, ENGINE],
  "two engines, format 1 given": [{ type: "engine", format: 1 }, ENGINE],
  "a destination of format 2": [ENGINE, { type: "older", format: 2 }],
  "a destination of format 1": [ENGINE, { type: "older", format: 1 }],
  "a destination of format 2, given": [
    { type: "engine", format: 2 },
    { type: "older", format: 2 },
  ],
  "a destination of format 1, given": [
    { type: "engine", format: 1 },
    { type: "older", format: 1 },
  ],
  "a source of format 2": [{ type: "older", format: 2 }, ENGINE],
  "a source of format 1": [{ type: "older", format: 1 }, ENGINE],
};

/** One run: a seeded sequence of what people, machines and networks do, then everybody ends. */
export function runScenario(
  [source, destination]: Pairing,
  seed: number,
  continuity: WorldOptions["continuity"] = undefined,
): void {
  const random = new Random(seed);
  const world = new World(
    { services: servicesFor(random, source, destination), source, destination, continuity },
    random,
  );
  for (const side of ["source", "destination"] as const) if (random.chance(0.95)) world.connect(side);
  world.run(100);
  const steps = random.int(5, 40);
  for (let step = 0; step < steps; step++) {
    takeStep(world, random);
    world.run(Math.floor(random.next() ** 3 * 1_500));
  }
  world.deaf.clear();
  world.checkEnd();
}

/** Format 1 has one service. */
function servicesFor(random: Random, ...kinds: readonly Kind[]): WorldOptions["services"] {
  const hasOne = kinds.some(({ format }) => format === 1);
  return ALL_SERVICES.slice(0, hasOne ? 1 : random.int(1, 3));
}

function takeStep(world: World, random: Random): void {
  const dice = random.next();
  if (dice < 0.3) return openOne(world, random);
  if (dice < 0.9) return someoneActs(world, random);
  const side: Side = random.chance(0.5) ? "source" : "destination";
  if (dice < 0.93) return world.lose(side);
  if (dice < 0.97) return world.connect(side);
  const service = random.pick(ALL_SERVICES);
  if (!world.deaf.delete(service)) world.deaf.add(service);
}

function openOne(world: World, random: Random): void {
  const application = world.open(random.pick(ALL_SERVICES.slice(0, world.services.length)));
  if (application !== undefined && random.chance(0.7)) application.send(sizeFrom(random));
}

function someoneActs(world: World, random: Random): void {
  const live = world.applications.filter(({ isLive }) => isLive);
  if (live.length === 0) return openOne(world, random);
  act(random.pick(live), random);
}

function act(application: Application, random: Random): void {
  const dice = random.next();
  if (dice < 0.6) application.send(sizeFrom(random));
  else if (dice < 0.75) application.setReading(!application.isReading);
  else if (dice < 0.85) application.end();
  else if (dice < 0.95) application.close();
  else for (let count = 0; count < 20; count++) application.send(1);
}

function sizeFrom(random: Random): number {
  const dice = random.next();
  if (dice < 0.6) return random.int(4, 200);
  if (dice < 0.95) return random.int(200, 20_000);
  return random.int(60_000, 200_000);
}
