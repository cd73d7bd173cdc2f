// What a user meets, played with chance: each play builds a situation, lets it run, and says what must have come of it.
import type { CarrierLimits } from "../../src/engine/carrier-options.ts";
import type { Application } from "./application.ts";
import { Random } from "./random.ts";
import { type Kind, STALL_TIMEOUT_MS, World } from "./world.ts";

const OURS: Kind = { type: "engine", format: 3 };
const SERVICES = ["SSH", "VNC"];
const TIGHT: CarrierLimits = {
  connectionBytes: 2_000,
  totalBytes: 6_000,
  socketBytes: 1_000,
  heldBytes: 8_000,
};
/** More may wait for applications than the smallest send window lets out. */
const DEEP: CarrierLimits = {
  connectionBytes: 4_000,
  totalBytes: 12_000,
  socketBytes: 9_000,
  heldBytes: 300_000,
};
const LAN_MS = 2;
/** A newcomer beside a stalled connection is answered within the stall time and this (P62). */
const GRACE_MS = 3_000;

function worldOf(random: Random, delayMs: number, limits: CarrierLimits | undefined = undefined): World {
  const world = new World({ services: SERVICES, source: OURS, destination: OURS, delayMs, limits }, random);
  world.connect("source");
  world.connect("destination");
  world.run(100);
  return world;
}

function open(world: World, service = "SSH"): Application {
  const application = world.open(service);
  if (application === undefined) throw new Error("a connection was refused");
  return application;
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Servers that echo and block while they write, clients that send all the time: nobody waits for himself (P60). */
function echo(random: Random): void {
  const world = worldOf(random, LAN_MS, random.pick([TIGHT, DEEP, DEEP]));
  world.servers = (server) => {
    server.doesEcho = true;
  };
  const clients = Array.from({ length: random.int(1, 4) }, () => open(world, random.pick(SERVICES)));
  for (let rounds = random.int(5, 12); rounds > 0; rounds--) {
    for (const client of clients) client.send(random.int(500, 90_000));
    world.run(random.int(0, 20));
  }
  // Longer than it takes, shorter than the time after which a stalled connection is given up.
  world.run(STALL_TIMEOUT_MS - 1_000);
  for (const client of clients) {
    must(client.isLive, `${client} was cut`);
    must(client.received === client.sent, `${client} froze with ${client.received} of ${client.sent} bytes`);
  }
  world.checkEnd();
}

/** A client that has said all it had to say gets its whole answer, however late it reads and whoever holds the tunnel (P52). */
function halfClose(random: Random): void {
  const world = worldOf(random, LAN_MS, random.pick([TIGHT, undefined]));
  const answer = random.int(1, 60_000);
  const servesFirst = random.chance(0.5);
  const neighbour = random.chance(0.6) ? holdingNeighbour(world, random) : undefined;
  world.servers = (server) => {
    server.isPatient = true;
    server.onFirstBytes = () => {
      for (let left = answer; left > 0; left -= 6_000) server.send(Math.min(6_000, left));
      if (servesFirst) server.end();
    };
  };
  const client = open(world);
  client.isPatient = true;
  client.send(20);
  world.run(random.pick([0, 5, 50]));
  client.setReading(false);
  client.end();
  world.run(random.int(0, 5_000));
  client.setReading(true);
  world.run(random.int(1_500, 4_000));
  neighbour?.setReading(true);
  world.run(STALL_TIMEOUT_MS + GRACE_MS);
  must(client.ending === "end", `${client} ended by ${client.ending}`);
  const expected = client.partner?.sent ?? Math.max(4, answer);
  must(client.received === expected, `${client} has ${client.received} of ${expected} bytes`);
}

/** Somebody else's download that nobody reads, for less than the stall time. */
function holdingNeighbour(world: World, random: Random): Application {
  world.servers = (server) => {
    server.onFirstBytes = () => server.send(40_000);
  };
  const neighbour = open(world, random.pick(SERVICES));
  neighbour.setReading(false);
  neighbour.send(4);
  world.run(200);
  return neighbour;
}

/** Whoever opens a connection beside a stalled one is answered in time, and nobody else is cut (P62). */
function stall(random: Random): void {
  const world = worldOf(random, random.pick([LAN_MS, 40]), TIGHT);
  const isUpload = random.chance(0.5);
  world.servers = (server) => {
    if (isUpload) server.setReading(false);
    else server.onFirstBytes = () => void Array.from({ length: 60 }, () => server.send(2_000));
  };
  const stalled = open(world);
  if (!isUpload) stalled.setReading(false);
  for (let count = isUpload ? 60 : 1; count > 0; count--) stalled.send(2_000);
  world.run(random.int(0, 2 * STALL_TIMEOUT_MS));
  world.servers = (server) => {
    server.doesEcho = true;
  };
  const newcomer = open(world, random.pick(SERVICES));
  newcomer.send(20);
  world.run(STALL_TIMEOUT_MS + GRACE_MS);
  must(newcomer.isLive && newcomer.received === newcomer.sent, `${newcomer} was not answered in time`);
}

/** A slow reader that is alone lives, however long it takes. */
function slowReader(random: Random): void {
  const world = worldOf(random, LAN_MS, TIGHT);
  const reader = { application: undefined as Application | undefined };
  world.servers = (server) => {
    server.setReading(false);
    reader.application = server;
  };
  const client = open(world);
  for (let count = 0; count < 20; count++) client.send(2_000);
  world.run(100);
  for (let round = 0; round < 40; round++) {
    world.run(random.int(100, STALL_TIMEOUT_MS - 1_000));
    reader.application?.setReading(true);
    reader.application?.setReading(false);
  }
  reader.application?.setReading(true);
  world.run(1_000);
  must(client.isLive && reader.application?.received === client.sent, `${client} was cut`);
}

/** One that reads steadily, a little at a time, keeps its connection and its link (P61, P62). */
function trickle(random: Random): void {
  const world = worldOf(random, LAN_MS, DEEP);
  const found: { server?: Application } = {};
  world.servers = (server) => {
    server.setReading(false);
    found.server = server;
  };
  const client = open(world);
  for (let count = 0; count < 400; count++) client.send(2_000);
  world.run(50);
  const rate = random.pick([500, 1_000, 4_000, 20_000]);
  const { disruptions } = world.crowd;
  for (let second = 0; second < 150; second++) {
    found.server?.readSome(rate);
    world.run(1_000);
  }
  must(
    client.isLive && world.crowd.disruptions === disruptions,
    `${client} was cut at ${rate} bytes a second`,
  );
}

/** A network that dies without a word is noticed, also by whoever is not reading (P61). */
function deadLink(random: Random): void {
  const world = worldOf(random, LAN_MS, TIGHT);
  const client = open(world);
  client.send(20);
  world.run(25_000);
  if (random.chance(0.5)) client.setReading(false);
  client.partner?.send(random.pick([10, 30_000]));
  world.run(random.int(0, 500));
  world.blackHole(random.pick(["source", "destination"] as const));
  world.run(80_000);
  must(!client.isLive, `${client} outlived its link`);
  const next = open(world);
  world.servers = (server) => {
    server.doesEcho = true;
  };
  next.send(20);
  world.run(5_000);
  must(next.received === next.sent, `${next} is not carried after the link came back`);
}

/** By the names under which a failing seed is kept. */
export const PLAYS: Readonly<Record<string, (random: Random) => void>> = {
  echo,
  "half-close": halfClose,
  stall,
  "slow reader": slowReader,
  trickle,
  "dead link": deadLink,
};

export function runPlay(name: string, seed: number): void {
  PLAYS[name]?.(new Random(seed));
}
