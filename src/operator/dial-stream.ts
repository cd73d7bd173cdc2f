import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { UnreachableError } from "../base/errors.ts";
import { PLATFORM, type Platform } from "../base/platform.ts";
import { dialOwn } from "../net/own-socket.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { MeetingPoint } from "./meeting-point.ts";

/**
 * A socket for one stream, half-open and connected to the process that has the tunnel. That one listens for it at an
 * address of its own, which is gone as soon as it is dialled: so it knows whose stream it is, and how that ended.
 * @throws UnreachableError when the process has gone, and what `listenAt` throws
 */
export async function dialStream(
  { streamPrefix }: MeetingPoint,
  listenAt: (address: Extract<SocketAddress, { type: "unix" }>) => Promise<unknown>,
  platform: Platform = PLATFORM,
): Promise<Socket> {
  const path = `${streamPrefix}${randomBytes(3).toString("hex")}`;
  await listenAt({ type: "unix", path });
  try {
    return await dialOwn(path, platform);
  } catch (cause) {
    throw ownerGone(cause);
  } finally {
    rmSync(path, { force: true });
  }
}

/** The process that has the tunnel has ended, or ends. */
export function ownerGone(cause?: unknown): UnreachableError {
  return new UnreachableError("the tunnel connect that carried this connection has ended", { cause });
}
