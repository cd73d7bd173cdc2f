// What is measured of a carrier, each time by a process of its own.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { peakResidentBytes } from "../helpers/memory.ts";
import { TestProcess } from "../helpers/process.ts";
import type { Carrier } from "./carriers.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
/** How many round trips, after some that do not count: both ends are compiled and at their windows by then. */
const ALONE = { warmUp: 100, count: 1_000, gapMs: 0 };
const BESIDE = { warmUp: 100, count: 300, gapMs: 1 };
const OVER_SLOW_HOP = { warmUp: 5, count: 50, gapMs: 10 };
const CONNECTIONS = 200;
/** Queues have to fill before they can be in the way. */
const FILL_MS = 1_000;
/** _SC_CLK_TCK of Linux. */
const TICKS_PER_SECOND = 100;

/** One figure of one round, by the name of what was measured. */
export type Figures = Readonly<Record<string, number>>;

/** How bytes are carried: a name for people, and what the load client is told. */
const TRANSFERS = [
  ["up, 1 connection", "up", 1],
  ["down, 1 connection", "down", 1],
  ["both ways, 2 connections", "both", 2],
  ["up, 16 connections", "up", 16],
  ["down, 16 connections", "down", 16],
  ["both ways, 16 connections", "both", 16],
] as const;

/** Rates in MB/s, with processor seconds per GiB of each process for one connection. */
export async function rates(carrier: Carrier, bytes: number): Promise<Figures> {
  const figures: Record<string, number> = {};
  for (const [name, direction, count] of TRANSFERS) {
    if (count > 1 && carrier.isFragile) continue;
    const each = Math.floor(bytes / count);
    const before = carrier.processes.map(({ pid }) => cpuSeconds(pid));
    const seconds = (await load("carry", carrier, direction, count, each)) as number;
    figures[`MB/s ${name}`] = (each * count) / 1e6 / seconds;
    if (count > 1) continue;
    for (const [at, process] of carrier.processes.entries()) {
      const used = cpuSeconds(process.pid) - (before[at] ?? 0);
      figures[`CPU s/GiB ${direction}, ${process.name}`] = used / (bytes / GIB);
    }
  }
  return figures;
}

/** Round trips of 100 bytes alone, and new connections a second. */
export async function answers(carrier: Carrier): Promise<Figures> {
  const alone = await roundTrips(carrier, "alone", ALONE);
  if (carrier.isFragile) return alone;
  return { ...alone, "connections/s": (await load("connect", carrier, CONNECTIONS)) as number };
}

/** Round trips beside one transfer at full speed. @param slowHop whose, when there is one */
export async function beside(carrier: Carrier, direction: "up" | "down", slowHop?: string): Promise<Figures> {
  const args = ["test/bench/load.ts", "carry", String(carrier.port), direction, "1", String(2 ** 40)];
  await using bulk = new TestProcess("bun", args, process.env);
  await sleep(FILL_MS);
  const where = slowHop === undefined ? "" : `, slow hop of the ${slowHop}`;
  const how = slowHop === undefined ? BESIDE : OVER_SLOW_HOP;
  const figures = await roundTrips(carrier, `beside ${direction}${where}`, how);
  await bulk.kill();
  return figures;
}

/** Most memory that each process ever had, MiB. */
export function peaks(carrier: Carrier): Figures {
  return Object.fromEntries(
    carrier.processes.map(({ name, pid }) => [`peak MiB, ${name}`, peakResidentBytes(pid) / MIB]),
  );
}

async function roundTrips(carrier: Carrier, name: string, how: typeof ALONE): Promise<Figures> {
  const { warmUp, count, gapMs } = how;
  const times = (await load("echo", carrier, warmUp, count, gapMs)) as readonly number[];
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { [`ms p50 ${name}`]: at(0.5), [`ms p99 ${name}`]: at(0.99) };
}

async function load(part: string, { name, port }: Carrier, ...rest: (string | number)[]): Promise<unknown> {
  const args = ["test/bench/load.ts", part, String(port), ...rest.map(String)];
  await using client = new TestProcess("bun", args, process.env);
  const line = await client.waitForLine(/^[[\d].*$/, "stdout", 300_000).catch((error: Error) => {
    throw new Error(`${name}, ${part} ${rest.join(" ")}: ${error.message}`);
  });
  return JSON.parse(line[0]);
}

/** User and system time of a process and of its children that have ended. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
