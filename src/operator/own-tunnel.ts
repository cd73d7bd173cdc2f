import { connect, type Socket } from "node:net";
import process from "node:process";
import { type Listener, listen, type SocketAddress } from "../net/tcp.ts";
import { awaitDevice } from "./await-device.ts";
import { type HeldTunnel, holdTunnel } from "./hold-tunnel.ts";
import type { MeetingPoint } from "./meeting-point.ts";
import { type LastWords, lastWordsOf } from "./messages.ts";
import { orAborted } from "./or-aborted.ts";
import type { ConnectEvent, Listening, TunnelEnd, TunnelUse } from "./request.ts";
import { Sharing } from "./sharing.ts";
import { Source } from "./source.ts";
import type { UseOptions } from "./with-tunnel.ts";

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
    await using source = new Source(tunnel, dataPlane, told);
    await orAborted(source.carries(), options.signal);
    await using use = new OwnUse(tunnel, source, sharing, point, options);
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

/** The owner's own use of its tunnel, which lasts until the last of the others has gone. */
class OwnUse implements TunnelUse, AsyncDisposable {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  readonly ended: Promise<TunnelEnd>;
  readonly #take: (socket: Socket) => void;
  readonly #sharing: Sharing;
  readonly #point: MeetingPoint;
  readonly #options: UseOptions;
  readonly #listeners: Listener[] = [];

  constructor(
    { tunnelId, expiresAt }: HeldTunnel,
    source: Source,
    sharing: Sharing,
    point: MeetingPoint,
    options: UseOptions,
  ) {
    this.tunnelId = tunnelId;
    this.expiresAt = expiresAt;
    this.ended = source.ended;
    this.#take = (socket) => source.take(socket);
    this.#sharing = sharing;
    this.#point = point;
    this.#options = options;
    sharing.carry(this.#take);
    sharing.tell({ type: "ready", pid: process.pid, tunnelId, expiresAt: expiresAt.toISOString() });
  }

  async listen(address: SocketAddress): Promise<Listening> {
    const listener = await listen(address, this.#take);
    this.#listeners.push(listener);
    return listener;
  }

  dial(): Socket {
    return connect({ path: this.#point.streams, allowHalfOpen: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#sharing.close(await this.#waitForOthers());
  }

  /** What those who are still there are told: nothing when they were left behind. */
  async #waitForOthers(): Promise<LastWords | undefined> {
    const { onEvent, onOthersOnly } = this.#options;
    const others = this.#sharing.memberCount;
    if (others > 0) onEvent({ event: "in-use", others });
    const over = Promise.race([this.ended.then(lastWordsOf), this.#sharing.idle().then(() => undefined)]);
    if (others === 0) return over;
    return orAborted(over, onOthersOnly()).catch(() => ({ type: "ended" }) as const);
  }
}
