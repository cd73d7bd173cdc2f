// Plays of connections beside others that hold them up.
import type { Application } from "./application.ts";
import type { Random } from "./random.ts";
import { DEEP, GRACE_MS, LAN_MS, must, open, SERVICES, TIGHT, worldOf } from "./stage.ts";
import { STALL_TIMEOUT_MS, type World } from "./world.ts";

/** Whoever has said all beside one that holds the tunnel until it is cut gets its whole answer, early or late (P52, P62). */
export function heldUp(random: Random): void {
  const world = worldOf(random, LAN_MS, TIGHT);
  const holder = holdingNeighbour(
    world,
    random,
    random.pick([random.int(7_500, 8_500), random.int(7_000, 60_000)]),
  );
  if (random.chance(0.5)) holder.end();
  const answer = random.int(1, 20_000);
  const doesEnd = random.chance(0.5);
  world.servers = (server) => {
    server.isPatient = true;
    server.onFirstBytes = () => {
      for (let left = answer; left > 0; left -= 3_000) server.send(Math.min(3_000, left));
      if (doesEnd) server.end();
    };
  };
  const clients = Array.from({ length: random.pick([1, 1, 2, 4]) }, () => {
    world.run(random.int(0, 3_000));
    const client = open(world, random.pick(SERVICES));
    client.isPatient = true;
    client.send(random.int(4, 3_000));
    if (random.chance(0.8)) client.end();
    return client;
  });
  world.run(STALL_TIMEOUT_MS + GRACE_MS);
  for (const client of clients) {
    const expected = client.partner?.sent ?? Math.max(4, answer);
    must(client.received === expected, `${client} has ${client.received} of ${expected} bytes`);
    if (client.hasEnded) must(client.ending === "end", `${client} ended by ${client.ending}`);
  }
}

/** A server that ended with its answer hears what its client says to it at once, though a neighbour holds the tunnel (P52). */
export function lastWord(random: Random): void {
  const world = worldOf(random, LAN_MS, TIGHT);
  const found: { server?: Application } = {};
  world.servers = (server) => {
    found.server = server;
    server.isPatient = true;
    server.onFirstBytes = () => {
      server.send(random.int(4, 200));
      server.end();
    };
  };
  const client = open(world);
  client.isPatient = true;
  client.onFirstBytes = () => {
    holdingUpload(world, random);
    world.clock.after(random.int(5, 60), () => {
      client.send(random.int(4, 2_000));
      client.end();
    });
  };
  client.send(20);
  world.run(2 * STALL_TIMEOUT_MS);
  must(
    found.server?.received === client.sent,
    `${found.server} has ${found.server?.received} of ${client.sent} bytes`,
  );
}

/** A client that has said all it had to say gets its whole answer, however late it reads and whoever holds the tunnel (P52). */
export function halfClose(random: Random): void {
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

/** Somebody else's download that nobody reads, and that is over on the other side by chance. */
function holdingNeighbour(world: World, random: Random, bytes = 40_000): Application {
  const isOver = random.chance(0.4);
  world.servers = (server) => {
    server.onFirstBytes = () => {
      server.send(bytes);
      if (isOver) server.close();
    };
  };
  const neighbour = open(world, random.pick(SERVICES));
  neighbour.setReading(false);
  neighbour.send(4);
  world.run(200);
  return neighbour;
}

/** Somebody else's upload that no server reads. */
function holdingUpload(world: World, random: Random): void {
  world.servers = (server) => server.setReading(false);
  const neighbour = open(world, random.pick(SERVICES));
  for (let count = random.int(5, 60); count > 0; count--) neighbour.send(2_000);
}

/** Whoever opens a connection beside a stalled one is answered in time, and nobody else is cut (P62). */
export function stall(random: Random): void {
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

/** The one connection that an older peer carries is not held up by those that wait for their turn (P44). */
export function turns(random: Random): void {
  const format = random.pick([1, 2] as const);
  const world = worldOf(random, LAN_MS, random.pick([TIGHT, DEEP]), {
    services: SERVICES.slice(0, 1),
    source: { type: "engine", format },
    destination: { type: "older", format },
  });
  world.servers = (server) => {
    server.doesEcho = true;
  };
  const active = open(world);
  const waiting = Array.from({ length: random.int(1, 12) }, () => open(world));
  for (const client of waiting) for (let count = random.int(1, 5); count > 0; count--) client.send(2_000);
  for (let round = 0; round < 8; round++) {
    active.send(random.int(4, 4_000));
    world.run(500);
    const { received, sent } = active;
    must(
      active.isLive && received >= sent,
      `${active} has ${received} of ${sent} bytes beside ${waiting.length}`,
    );
  }
  active.close();
  world.run(500);
  const [next] = waiting as [Application];
  must(next.isLive && next.received >= next.sent && !next.isBlocked, `${next} did not get its turn`);
}
