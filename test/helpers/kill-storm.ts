// Kills the programs of an installation one after the other, each in the middle of what it does, and keeps count of
// what that cost.
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../sim/random.ts";
import type { Fate } from "./conversations.ts";
import { callOperation } from "./emulator.ts";
import {
  type Carried,
  type Installation,
  startInstallation,
  THING,
  type Told,
  waitUntilCarried,
} from "./installation.ts";
import { Ledger, type LedgerCounts } from "./ledger.ts";
import type { Supervised } from "./supervised.ts";
import { waitFor } from "./wait.ts";

/** Half a second of talk, both ways. */
const PACE = { bytes: 256 * 1024, bytesPerSecond: 512 * 1024 };
const TALKERS_EACH = 2;
/** One in four kills is followed by another before the first one has come back. */
const SECOND_KILL = 0.25;
const CHECKED_AFTER_A_KILL = 20;
const WRITE_EVERY_MS = 100;
const MOST_TUNNELS = 500;
const NOTIFY_AGAIN_MS = 5_000;
const DEVICE_MS = 60_000;

export interface StormReport {
  /** What was killed, in this order. */
  readonly kills: readonly string[];
  /** From a kill until both tunnels had carried a whole new conversation, milliseconds, sorted. */
  readonly backMs: readonly number[];
  readonly conversations: {
    readonly whole: number;
    readonly reset: number;
    /** Ended in good order before the first byte came: nobody was there to answer. */
    readonly refused: number;
  };
  /** Bytes that were not what belonged there, and conversations that froze. */
  readonly faults: readonly string[];
  /** Clean ends after a part of the bytes, though the program next to that end lived. */
  readonly truncated: readonly string[];
  /** Acknowledged tunnels, tokens and tags that were not there. */
  readonly losses: readonly string[];
  /** Programs that ended though nobody had killed them. */
  readonly ownEnds: readonly string[];
  readonly ledger: LedgerCounts;
}

/** Kills `kills` times, in an order that `seed` decides. `tell` hears of each kill. */
export async function killStorm(
  kills: number,
  seed: number,
  tell: (line: string) => void = () => {},
): Promise<StormReport> {
  await using installation = await startInstallation({ pace: PACE });
  const random = new Random(seed);
  const ledger = new Ledger(installation, () => random.next());
  const stop = new AbortController();
  const { signal } = stop;
  const beside = [
    ledger.write({ signal, everyMs: WRITE_EVERY_MS, most: MOST_TUNNELS }),
    ...installation.carried.flatMap((each) =>
      Array.from({ length: TALKERS_EACH }, () => keepTalking(installation, each, signal)),
    ),
  ];
  const killed: string[] = [];
  const backMs: number[] = [];
  try {
    while (killed.length < kills) {
      const names = await killSome(installation, random, kills - killed.length);
      killed.push(...names);
      const ms = await back(installation, names, ledger);
      backMs.push(ms);
      tell(`${killed.length} of ${kills}: ${names.join(", ")}: back after ${Math.round(ms)} ms`);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(beside);
  }
  await ledger.check();
  return { ...report(installation, ledger), kills: killed, backMs: backMs.toSorted((a, b) => a - b) };
}

async function keepTalking(installation: Installation, over: Carried, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { fate } = await installation.talk(over);
    if (fate !== "whole") await sleep(50);
  }
}

async function killSome({ victims }: Installation, random: Random, most: number): Promise<string[]> {
  const count = most > 1 && random.chance(SECOND_KILL) ? 2 : 1;
  const killed: string[] = [];
  for (let i = 0; i < count; i += 1) {
    await sleep(random.int(i === 0 ? 50 : 0, 400));
    const victim = random.pick(victims.filter(({ name }) => !killed.includes(name)));
    killed.push(victim.name);
    await victim.kill();
  }
  return killed;
}

/** Waits until everything works again that these programs are needed for; returns the time of the tunnels. */
async function back(installation: Installation, killed: readonly string[], ledger: Ledger): Promise<number> {
  const times = await Promise.all(installation.carried.map((each) => waitUntilCarried(installation, each)));
  if (killed.includes("serve-local")) await ledger.check(CHECKED_AFTER_A_KILL);
  if (killed.includes("broker")) await reachDevice(installation);
  return Math.max(...times);
}

/** A new tunnel finds the device, by its first notification or, as the broker forgets while it is away, a later one. */
async function reachDevice(installation: Installation): Promise<void> {
  const destinationConfig = { thingName: THING, services: ["ECHO"] };
  const { body } = await callOperation(installation, "OpenTunnel", { destinationConfig });
  const { tunnelId } = body;
  let notifiedAt = performance.now();
  const isConnected = async () => {
    if (performance.now() - notifiedAt > NOTIFY_AGAIN_MS) {
      notifiedAt = performance.now();
      await callOperation(installation, "RotateTunnelAccessToken", { tunnelId, clientMode: "DESTINATION" });
    }
    const answer = await callOperation(installation, "DescribeTunnel", { tunnelId });
    return JSON.stringify(answer.body).includes('"destinationConnectionState":{"status":"CONNECTED"');
  };
  await waitFor("the device on a new tunnel", isConnected, DEVICE_MS);
  await callOperation(installation, "CloseTunnel", { tunnelId, delete: true });
}

function report(
  { accounts, carried, serveLocal }: Installation,
  ledger: Ledger,
): Omit<StormReport, "kills" | "backMs"> {
  const programs = [serveLocal, ...carried.flatMap(({ source, destination }) => [source, destination])];
  const clients = accounts.filter(({ who }) => who === "client");
  const count = (fates: readonly Fate[], isWanted: (told: Told) => boolean = () => true) =>
    clients.filter((told) => fates.includes(told.fate) && isWanted(told)).length;
  return {
    conversations: {
      whole: count(["whole"]),
      reset: count(["reset"]),
      refused: count(["short"], ({ received }) => received === 0),
    },
    faults: accounts.flatMap(faultOf),
    truncated: accounts.filter((told) => isTruncated(told, carried)).map((told) => describe(told, programs)),
    losses: ledger.losses,
    ownEnds: programs.flatMap(({ ownEnds }) => ownEnds),
    ledger: ledger.counts,
  };
}

/** What is wrong with an end of a conversation, whatever was killed meanwhile. */
function faultOf({ fate, fault, who, over, connection, received }: Told): string[] {
  if (fault !== undefined) return [fault];
  if (fate !== "frozen") return [];
  return [`connection ${connection} over ${over}: frozen at its ${who} after ${received} bytes`];
}

/** The kernel ends the sockets of a killed program in good order: that much its neighbour may see. */
function isTruncated(
  { fate, received, over, who, startedAt, endedAt }: Told,
  carried: readonly Carried[],
): boolean {
  if (fate !== "short" || received === 0) return false;
  const pair = carried.find(({ name }) => name === over);
  const neighbour = who === "client" ? pair?.source : pair?.destination;
  return !neighbour?.kills.some((at) => startedAt <= at && at <= endedAt);
}

function describe(
  { who, over, connection, received, endedAt }: Told,
  programs: readonly Supervised[],
): string {
  const before = programs
    .map(({ name, kills }) => ({ name, ms: endedAt - (kills.findLast((at) => at <= endedAt) ?? 0) }))
    .sort((a, b) => a.ms - b.ms)[0];
  const cause = `${Math.round(before?.ms ?? Number.NaN)} ms after the kill of ${before?.name}`;
  return `connection ${connection} over ${over}: its ${who} saw a clean end after ${received} bytes, ${cause}`;
}
