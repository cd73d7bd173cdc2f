// Two ends of ours whose connections outlive their WebSockets (P90 to P104), played with chance.

import type { Side } from "../../src/emulator/relay/relay.ts";
import { LIMITS as DEFAULT_LIMITS } from "../../src/engine/carrier-options.ts";
import type { Application } from "./application.ts";
import { Random } from "./random.ts";
import { DEEP, LAN_MS, must, worldOf as newWorld, open, SERVICES } from "./stage.ts";
import type { Kind, World } from "./world.ts";

/** It finds out what the other end is. */
const OURS: Kind = { type: "engine" };
const SIDES: readonly Side[] = ["source", "destination"];
const BOTH = { sides: SIDES, resumeTimeoutMs: 900_000 };
const DIRECTIONS = ["up", "down"] as const;
/** Longer than the longest wait between two attempts to resume, and what then has to be sent again. */
const COMEBACK_MS = 40_000;

function worldOf(
  random: Random,
  delayMs: number | undefined,
  continuity = BOTH,
  limits = random.pick([DEEP, undefined]),
): World {
  const world = newWorld(random, delayMs, limits, { source: OURS, destination: OURS, continuity });
  world.run(3_000);
  return world;
}

function mustHaveAll(clients: readonly Application[]): void {
  for (const client of clients) {
    must(client.isLive, `${client} was cut (${client.ending})`);
    must(client.received === client.sent, `${client} has ${client.received} of ${client.sent} bytes`);
  }
}

/** Lets everything arrive, for as long as anything does: a proxy with little memory on a slow link needs its time. */
function settle(world: World, clients: readonly Application[]): void {
  const sum = () => clients.reduce((bytes, { received }) => bytes + received, 0);
  for (let before = -1; before < sum(); ) {
    before = sum();
    world.run(2 * COMEBACK_MS);
  }
}

function echoing(world: World): void {
  world.servers = (server) => {
    server.doesEcho = true;
  };
}

/** A WebSocket of either side comes and goes, and so does the service; nobody notices (P99, P100). */
function cuts(random: Random): void {
  const world = worldOf(random, random.pick([LAN_MS, 40, undefined]));
  echoing(world);
  const clients = Array.from({ length: random.int(1, 5) }, () => open(world, random.pick(SERVICES)));
  for (const client of clients) client.send(random.int(4, 30_000));
  // Both have said HELLO then, in every service: before, a connection dies with its WebSocket, as ever.
  settle(world, clients);
  for (let round = random.int(1, 8); round > 0; round--) {
    for (const client of clients) if (random.chance(0.7)) client.send(random.int(1, 120_000));
    world.run(random.int(0, 600));
    const lost = random.chance(0.3) ? SIDES : [random.pick(SIDES)];
    for (const side of lost) world.lose(side);
    world.run(random.pick([0, 100, 4_000]));
    for (const side of random.chance(0.5) ? lost : [...lost].reverse()) {
      world.connect(side);
      world.run(random.pick([0, 0, 1_000]));
    }
    world.run(random.pick([0, 100, COMEBACK_MS]));
  }
  settle(world, clients);
  mustHaveAll(clients);
  must(world.continuity.lost === 0, "connections were lost");
  world.checkEnd();
}

/** A cut at any byte of any WebSocket, both while the ends find each other and later. */
export function cutAtByte(side: Side, direction: "up" | "down", at: number, seed: number): number {
  const random = new Random(seed);
  const world = worldOf(random, LAN_MS);
  world.servers = (server) => {
    server.onFirstBytes = () => server.send(700);
    server.doesEcho = true;
  };
  const first = open(world);
  first.send(40);
  // Both have said HELLO: before, a connection dies with its WebSocket, as ever.
  world.run(1_000);
  const before = world.carried(side, direction);
  world.cutAt(side, direction, before + at);
  const second = open(world);
  first.send(300);
  second.send(500);
  second.end();
  world.run(1_000);
  const carried = world.carried(side, direction) - before;
  world.cutAt(side, direction, Number.POSITIVE_INFINITY);
  if (!world.isConnected(side)) world.connect(side);
  world.run(COMEBACK_MS);
  must(first.isLive && first.received === first.sent + 700, `${first} has ${first.received} bytes`);
  must(
    second.ending !== "reset" && second.received === second.sent + 700,
    `${second} has ${second.received} bytes`,
  );
  world.checkEnd();
  return carried;
}

function everyByte(random: Random): void {
  cutAtByte(random.pick(SIDES), random.pick(DIRECTIONS), random.int(0, 2_500), random.int(1, 1_000_000));
}

/** The end of file goes through, however late it is read and whatever is cut; the way back stays open (P96). */
function halfClose(random: Random): void {
  const world = worldOf(random, random.pick([LAN_MS, 40]));
  const answer = random.int(1, 200_000);
  world.servers = (server) => {
    server.staysOpen = true;
  };
  const client = open(world);
  client.send(random.int(4, 60_000));
  world.run(2_000);
  const server = client.isLive ? world.applications.find(({ side }) => side === "destination") : undefined;
  must(server !== undefined, "nobody was dialled");
  if (server === undefined) return;
  if (random.chance(0.5)) server.setReading(false);
  client.end();
  if (random.chance(0.7)) cut(world, random);
  world.run(random.int(0, 60_000));
  server.setReading(true);
  world.run(COMEBACK_MS);
  must(server.hasHeardEnd && server.received === client.sent, `${server} has not heard the end`);
  world.run(random.int(0, 300_000));
  must(client.isLive, `${client} was not waited for`);
  for (let left = answer; left > 0; left -= 6_000) server.send(Math.min(6_000, left));
  if (random.chance(0.5)) cut(world, random);
  server.end();
  world.run(COMEBACK_MS);
  must(
    client.ending !== "reset" && client.received === server.sent,
    `${client} has ${client.received} of ${server.sent} bytes`,
  );
  world.checkEnd();
}

function cut(world: World, random: Random): void {
  const side = random.pick(SIDES);
  world.run(random.int(0, 50));
  world.lose(side);
  world.run(random.pick([0, 3_000]));
  world.connect(side);
}

/** Applications that do not read hold up nobody, and nobody is cut off for it (P94). */
function stall(random: Random): void {
  // What is sent before HELLO is answered must find room, as it does outside of a simulation: 16 KiB a connection.
  const world = worldOf(random, LAN_MS, BOTH, random.pick([DEEP, DEFAULT_LIMITS]));
  const isUpload = random.chance(0.5);
  const count = random.int(1, 12);
  const servers: Application[] = [];
  world.servers = (server) => {
    servers.push(server);
    if (isUpload) server.setReading(false);
    else server.onFirstBytes = () => void Array.from({ length: 60 }, () => server.send(10_000));
  };
  const stalled = Array.from({ length: count }, () => open(world, random.pick(SERVICES)));
  for (const client of stalled) {
    if (!isUpload) client.setReading(false);
    for (let sends = isUpload ? 60 : 1; sends > 0; sends--) client.send(10_000);
  }
  world.run(random.int(500, 60_000));
  echoing(world);
  const newcomer = open(world, random.pick(SERVICES));
  newcomer.send(50_000);
  world.run(1_500);
  mustHaveAll([newcomer]);
  if (random.chance(0.5)) cut(world, random);
  world.run(random.int(0, 200_000));
  for (const one of [...stalled, ...servers]) one.setReading(true);
  world.run(COMEBACK_MS);
  for (const server of servers) {
    const client = stalled.find(({ number }) => number === server.partner?.number);
    must(server.isLive && client !== undefined, `${server} was cut`);
    must(server.received === client?.sent, `${server} has ${server.received} bytes`);
    must(isUpload || client?.received === server.sent, `${client} has ${client?.received} bytes`);
  }
  world.checkEnd();
}

/** A credit that is lost with its WebSocket is given again, or its connection would stand still for ever (P94). */
function lostCredit(random: Random): void {
  const world = worldOf(random, random.pick([LAN_MS, 40]), BOTH, DEFAULT_LIMITS);
  const servers: Application[] = [];
  world.servers = (server) => {
    servers.push(server);
    server.setReading(false);
  };
  const clients = Array.from({ length: random.int(1, 3) }, () => open(world));
  for (const client of clients) for (let sends = 60; sends > 0; sends--) client.send(10_000);
  world.run(5_000);
  for (const server of servers) server.setReading(true);
  world.run(random.int(0, 20));
  const side = random.pick(SIDES);
  world.lose(side);
  world.run(random.pick([0, 3_000]));
  world.connect(side);
  settle(world, servers);
  must(servers.length === clients.length, "not everybody was dialled");
  for (const server of servers) must(server.received === 600_000, `${server} has ${server.received} bytes`);
  world.checkEnd();
}

/** A process that is killed takes its connections with it, and only those; what comes next is carried (P101, P102). */
function restart(random: Random): void {
  const world = worldOf(random, random.pick([LAN_MS, 40]));
  echoing(world);
  const clients = Array.from({ length: random.int(1, 4) }, () => open(world, random.pick(SERVICES)));
  for (const client of clients) client.send(random.int(4, 60_000));
  // Long enough for a start to arrive: else it is the next process that takes it.
  world.run(random.int(500, 2_000));
  const side = random.pick(SIDES);
  world.restart(side);
  world.run(COMEBACK_MS);
  for (const client of clients) must(!client.isLive, `${client} outlived the process of the ${side}`);
  const next = open(world, random.pick(SERVICES));
  next.send(20_000);
  world.run(5_000);
  mustHaveAll([next]);
  // What a source that was killed has left behind ends with the resume time.
  world.run(BOTH.resumeTimeoutMs);
  world.checkEnd();
}

/** Nothing is waited for longer than the resume time, and nothing at all where it is 0. */
function patience(random: Random): void {
  const resumeTimeoutMs = random.pick([0, 20_000]);
  const world = worldOf(random, LAN_MS, { sides: SIDES, resumeTimeoutMs });
  echoing(world);
  const client = open(world);
  client.send(9_000);
  world.run(1_000);
  const side = random.pick(SIDES);
  world.lose(side);
  world.run(Math.max(100, resumeTimeoutMs / 2));
  must(client.isLive === resumeTimeoutMs > 0, `${client} is ${client.isLive ? "alive" : "dead"}`);
  world.run(resumeTimeoutMs / 2 + 1_000);
  must(!client.isLive, `${client} is waited for`);
  world.connect(side);
  world.run(10_000);
  const next = open(world);
  next.send(20);
  world.run(2_000);
  mustHaveAll([next]);
  world.checkEnd();
}

/** A network that dies without a word: what was on its way is sent again. */
function deadLink(random: Random): void {
  const world = worldOf(random, LAN_MS);
  echoing(world);
  const client = open(world);
  client.send(20);
  world.run(25_000);
  world.blackHole(random.pick(SIDES));
  client.send(random.int(1, 90_000));
  world.run(80_000);
  for (const side of SIDES) if (!world.isConnected(side)) world.connect(side);
  world.run(2 * COMEBACK_MS);
  mustHaveAll([client]);
  world.checkEnd();
}

export const CONTINUITY_PLAYS: Readonly<Record<string, (random: Random) => void>> = {
  cuts,
  "a cut at any byte": everyByte,
  "half-close": halfClose,
  stall,
  "lost credit": lostCredit,
  restart,
  patience,
  "dead link": deadLink,
};
