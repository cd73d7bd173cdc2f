import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "../base/abort.ts";
import { TunnelError } from "../base/errors.ts";
import { FileLock } from "../base/file-lock.ts";
import { shellLine } from "../base/shell.ts";
import { type MeetingPoint, meetingPointOf } from "./meeting-point.ts";
import { Member } from "./member.ts";
import { ownTunnel } from "./own-tunnel.ts";
import type { TunnelUse } from "./request.ts";
import type { UseOptions } from "./with-tunnel-options.ts";

/** How long to wait for a process that has the lock and cannot be joined: it is starting, or closing its tunnel. */
const LOCKED_MS = 60_000;
const LOCK_POLL_MS = 50;

/**
 * Does `work` with a tunnel that carries: that of the process which uses one on this machine for the same thing,
 * service, region and endpoint, or one of our own, which is shared meanwhile and cleaned up afterwards.
 * Throws TunnelError, the signal's reason, and what the work throws.
 */
export async function withTunnel<T>(
  options: UseOptions,
  work: (tunnel: TunnelUse) => Promise<T>,
): Promise<T> {
  const point = meetingPointOf(options.request, options.facts, options.env);
  const found = await joinOrLock(point, options);
  if (found instanceof FileLock) {
    using _ = found;
    return await ownTunnel(point, options, work);
  }
  using member = found;
  options.onEvent({ event: "joined", tunnelId: member.tunnelId, pid: member.pid });
  return await work(member);
}

/** The owner of the tunnel, joined, or the right to be it. */
async function joinOrLock(point: MeetingPoint, { onEvent, signal }: UseOptions): Promise<Member | FileLock> {
  const end = performance.now() + LOCKED_MS;
  while (performance.now() < end) {
    signal.throwIfAborted();
    const member = await Member.join(point, (what) => onEvent({ event: "waiting", for: what }), signal);
    const found = member ?? FileLock.tryTake(point.lock);
    if (found !== undefined) return found;
    onEvent({ event: "waiting", for: "the other tunnel connect of this machine" });
    await untilAborted(signal, sleep(LOCK_POLL_MS));
  }
  throw new TunnelError("ERR_LIMIT", "another tunnel connect for this thing neither carries nor ends", {
    hint: `see who has it open: ${shellLine`fuser ${point.lock}`}`,
  });
}
