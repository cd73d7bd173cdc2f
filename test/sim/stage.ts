// What plays begin with: tunnels of two engines with little memory, and what must hold.
import type { CarrierLimits } from "../../src/engine/carrier-options.ts";
import type { Application } from "./application.ts";
import type { Random } from "./random.ts";
import { type Kind, World, type WorldOptions } from "./world.ts";

const OURS: Kind = { type: "engine", format: 3 };
export const SERVICES = ["SSH", "VNC"];
export const TIGHT: CarrierLimits = {
  connectionBytes: 2_000,
  totalBytes: 6_000,
  socketBytes: 1_000,
  heldBytes: 8_000,
};
/** More may wait for applications than the smallest send window lets out. */
export const DEEP: CarrierLimits = {
  connectionBytes: 4_000,
  totalBytes: 12_000,
  socketBytes: 9_000,
  heldBytes: 300_000,
};
export const LAN_MS = 2;
/** A newcomer beside a stalled connection is answered within the stall time and this (P62). */
export const GRACE_MS = 3_000;

export function worldOf(
  random: Random,
  delayMs: number | undefined,
  limits: CarrierLimits | undefined = undefined,
  kinds: Partial<WorldOptions> = {},
): World {
  const ours = { services: SERVICES, source: OURS, destination: OURS };
  const world = new World({ ...ours, delayMs, limits, ...kinds }, random);
  world.connect("source");
  world.connect("destination");
  world.run(100);
  return world;
}

export function open(world: World, service = "SSH"): Application {
  const application = world.open(service);
  if (application === undefined) throw new Error("a connection was refused");
  return application;
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
