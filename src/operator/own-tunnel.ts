import type { Socket } from "node:net";
import process from "node:process";
import { untilAborted } from "../base/abort.ts";
import { TunnelError } from "../base/errors.ts";
import { listenForOwn } from "../net/own-socket.ts";
import { type Listener, listen } from "../net/tcp.ts";
import { awaitDevice } from "./await-device.ts";
import { dialStream } from "./dial-stream.ts";
import { type HeldTunnel, holdTunnel } from "./hold-tunnel.ts";
import type { MeetingPoint } from "./meeting-point.ts";
import { type LastWords, lastWordsOf } from "./messages.ts";
import { OwnSource } from "./own-source.ts";
import { type ConnectEvent, type TunnelEnd, type TunnelUse, throwIfFailed } from "./request.ts";
import { Sharing } from "./sharing.ts";
import type { UseOptions } from "./with-tunnel-options.ts";

/**
 * The life of a tunnel of our own: it is found or opened, waits for its device, carries for `work` and for those of this
 * machine who join, and is closed if it was opened here, whatever ends it. The caller has the meeting point's lock.
 * Those who joined are told of a failure; after a signal they go on by themselves.
 */
export async function ownTunnel<T>(
  point: MeetingPoint,
  options: UseOptions,
  work: (tunnel: TunnelUse) => Promise<T>,
): Promise<T> {
  const [controlPlane, dataPlane] = await Promise.all([options.controlPlane(), options.dataPlane()]);
  using sharing = await Sharing.open(point);
  const told = { ...options, onEvent: (event: ConnectEvent) => tellAll(event, sharing, options) };
  try {
    await using tunnel = await holdTunnel(controlPlane, told);
    await awaitDevice(tunnel, told);
    told.onEvent({ event: "waiting", for: "the service" });
    await using source = new OwnSource(tunnel, dataPlane, told);
    await untilAborted(options.signal, source.carries());
    await using use = share(tunnel, source, sharing, point, options);
    return await work(use);
  } catch (error) {
    sharing.close(options.signal.aborted ? undefined : lastWordsOf({ type: "failed", error }));
    throw error;
  }
}

function tellAll(event: ConnectEvent, sharing: Sharing, { onEvent }: UseOptions): void {
  if (event.event === "waiting") sharing.tell({ type: "waiting", for: event.for });
  if (event.event === "opened" || event.event === "reused") sharing.name(event.tunnelId);
  onEvent(event);
}

/** The owner's own use of its tunnel, which others join from now on; it is over when the last of them has gone. */
function share(
  { tunnelId, expiresAt }: HeldTunnel,
  source: OwnSource,
  sharing: Sharing,
  point: MeetingPoint,
  options: UseOptions,
): TunnelUse & AsyncDisposable {
  const listeners: Listener[] = [];
  sharing.carry(source);
  sharing.tell({ type: "ready", pid: process.pid, tunnelId, expiresAt: expiresAt.toISOString() });
  return {
    tunnelId,
    expiresAt,
    ended: source.ended,
    async listen(address) {
      const listener = await listen(address, (socket) => source.take(socket));
      listeners.push(listener);
      return listener;
    },
    async dial() {
      let cut: Promise<unknown> | undefined;
      const carry = (socket: Socket) => {
        cut = source.carry(socket);
      };
      const socket = await dialStream(point, async ({ path }) =>
        listeners.push(await listenForOwn(path, carry)),
      );
      return { socket, whyCut: async () => cut };
    },
    async ping(isLoaded) {
      const pong = await Promise.race([source.ping(isLoaded), source.ended]);
      if ("outcome" in pong) return pong;
      throwIfFailed(pong);
      throw new TunnelError("ERR_NOT_FOUND", `tunnel ${tunnelId} was closed`);
    },
    async [Symbol.asyncDispose]() {
      for (const listener of listeners) listener.close();
      sharing.close(await waitForOthers(sharing, source.ended, options));
    },
  };
}

/** What those who are still there are told: nothing when they were left behind. */
async function waitForOthers(
  sharing: Sharing,
  ended: Promise<TunnelEnd>,
  { onEvent, onOthersOnly }: UseOptions,
): Promise<LastWords | undefined> {
  const others = sharing.memberCount;
  if (others > 0) onEvent({ event: "in-use", others });
  const over = Promise.race([ended.then(lastWordsOf), sharing.idle().then(() => undefined)]);
  if (others === 0) return over;
  return untilAborted(onOthersOnly(), over).catch(() => ({ type: "ended" }) as const);
}
