// What a user meets, played with chance: each play builds a situation, lets it run, and says what must have come of it.
import type { Application } from "./application.ts";
import { halfClose, heldUp, lastWord, stall, turns } from "./neighbours.ts";
import type { Random } from "./random.ts";
import { DEEP, LAN_MS, must, open, SERVICES, TIGHT, worldOf } from "./stage.ts";
import { STALL_TIMEOUT_MS } from "./world.ts";

/** Longer than a link that is held back may show no life (P61). */
const TRICKLE_S = 400;

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

/** One that reads steadily, a little at a time, keeps its connection and its link, whichever side it is on (P61, P62). */
function trickle(random: Random): void {
  const world = worldOf(random, LAN_MS, DEEP);
  const isUpload = random.chance(0.5);
  const fill = (sender: Application) => {
    for (let count = 0; count < 400; count++) sender.send(2_000);
  };
  const found: { reader?: Application } = {};
  world.servers = (server) => {
    if (isUpload) found.reader = server;
    else server.onFirstBytes = () => fill(server);
    server.setReading(!isUpload);
  };
  const client = open(world);
  client.setReading(isUpload);
  if (isUpload) fill(client);
  else {
    client.send(4);
    found.reader = client;
  }
  world.run(50);
  const rate = random.pick([500, 1_000, 4_000, 20_000]);
  const { disruptions } = world.crowd;
  for (let second = 0; second < TRICKLE_S; second++) {
    found.reader?.readSome(rate);
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

export const PLAYS: Readonly<Record<string, (random: Random) => void>> = {
  echo,
  "half-close": halfClose,
  "held up": heldUp,
  "last word": lastWord,
  turns,
  stall,
  "slow reader": slowReader,
  trickle,
  "dead link": deadLink,
};
