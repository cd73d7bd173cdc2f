import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { UnreachableError } from "../base/errors.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { MeetingPoint } from "./meeting-point.ts";

/**
 * A socket for one stream, half-open and connected to the process that has the tunnel. That one listens for it at an
 * address of its own, which is gone as soon as it is dialled: so it knows whose stream it is, and how that ended.
 * @throws UnreachableError when the process has gone, and what `listenAt` throws
 */
export async function dialStream(
  { streamPrefix }: MeetingPoint,
  listenAt: (address: SocketAddress) => Promise<unknown>,
): Promise<Socket> {
  const path = `${streamPrefix}${randomBytes(3).toString("hex")}`;
  await listenAt({ type: "unix", path });
  try {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
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
