import type { Server } from "node:net";
import { getLogger } from "./log.ts";
import { systemReason } from "./system-reason.ts";

/** A shortage of descriptors brings any number of them. */
const TELL_EVERY_MS = 60_000;

/** A connection that cannot be accepted is lost, and told once a minute at most; the listener goes on. */
export function surviveAcceptErrors(server: Server, where: string): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  server.on("error", (error) => {
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    const reason = systemReason(error);
    getLogger("listener").warn("a connection to {where} cannot be accepted: {reason}", { where, reason });
  });
}
